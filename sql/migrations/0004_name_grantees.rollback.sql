-- No row is touched: only the answer to a grant needs this.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.find_grantee(uuid, uuid, citext);
