-- Requests are counted before anybody's transaction begins, on a connection of their own.

-- name: take_requests
-- $1 the identities, none twice; $2 how many each wants; $3 how many there are in a minute.
SELECT t.identity, t.granted, t.remaining, t.seconds
FROM homelog.take_requests($1, $2, $3) AS t
