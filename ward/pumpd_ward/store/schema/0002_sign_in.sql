-- Who may see what: a nurse the beds and their alarms, an engineer everything. Until now everyone saw everything.
ALTER TABLE account ADD COLUMN role text NOT NULL DEFAULT 'engineer';
ALTER TABLE account ALTER COLUMN role DROP DEFAULT;

-- A sign-in is of a local account, or of a person whom the site's provider knows.
ALTER TABLE login ALTER COLUMN account DROP NOT NULL;
ALTER TABLE login ADD COLUMN person text, ADD COLUMN role text;
ALTER TABLE login ADD CHECK ((account IS NULL) = (person IS NOT NULL) AND (person IS NULL) = (role IS NULL));

-- A sign-in at the provider that a browser has begun. It is taken out once, when the browser comes back.
CREATE TABLE begun (
    state    bytea PRIMARY KEY,  -- SHA-256 of what the provider sends back
    browser  bytea NOT NULL,     -- SHA-256 of the cookie
    nonce    text NOT NULL,
    verifier text NOT NULL,
    ends_at  timestamptz NOT NULL
);
CREATE INDEX begun_end ON begun (ends_at);
