-- Undoes 0031_slow_guessing. Who guesses passwords waits no more.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.forgive_own_password();
DROP FUNCTION homelog.try_own_password();
DROP FUNCTION homelog.forgive_sign_in(citext, text);
DROP FUNCTION homelog.try_sign_in(citext, text);
DROP FUNCTION homelog.guessing_account();
DROP FUNCTION homelog.guessing_site(text);
DROP FUNCTION homelog.guessing_address(text);
DROP FUNCTION homelog.guessed_pair(citext, text);
DROP FUNCTION homelog.take_guess_back(bytea);
DROP FUNCTION homelog.count_guess(bytea, integer, interval);
DROP TABLE password_guesses;
