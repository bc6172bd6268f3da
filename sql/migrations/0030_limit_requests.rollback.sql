-- Undoes 0030_limit_requests. Requests are limited no more.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _700_bound ON device_tokens;
DROP FUNCTION homelog.tg__bound_tokens();
DROP FUNCTION homelog.take_requests(uuid[], integer[], integer);
DROP TABLE request_budgets;
