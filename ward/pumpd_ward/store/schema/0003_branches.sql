-- Two machines that send as one gateway: a copied card, or an image that was put back. Both continue the same journal,
-- with other entries: each such continuation is a branch of it, with a `rank` of its own.
ALTER TABLE journal ADD COLUMN branch integer NOT NULL DEFAULT 0;
ALTER TABLE journal DROP CONSTRAINT journal_pkey;
ALTER TABLE journal ADD PRIMARY KEY (gateway, name, branch);

-- When the stream had its first and its newest batch.
ALTER TABLE journal ADD COLUMN began_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE journal ADD COLUMN heard_at timestamptz NOT NULL DEFAULT '-infinity';
UPDATE journal SET began_at = now(), heard_at = now()
WHERE rank = (SELECT max(rank) FROM journal AS other WHERE other.gateway = journal.gateway);

-- From which number to which each run of control wrote. Its name is random, so two machines never share one.
CREATE TABLE boot (
    journal bigint NOT NULL REFERENCES journal (rank) ON DELETE CASCADE,
    name    text NOT NULL,
    first   bigint NOT NULL,
    last    bigint NOT NULL,
    PRIMARY KEY (journal, name)
);

-- The machines that sent as a gateway, each until it is started again; by the stream's clock.
CREATE TABLE machine (
    gateway  text NOT NULL REFERENCES gateway,
    name     text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (gateway, name)
);

-- Gateways of which two machines were heard in the last minutes, and not one after the other. Nodes of a stream may differ
-- by a second.
CREATE VIEW machines_at_once AS
SELECT DISTINCT one.gateway
FROM machine AS one JOIN machine AS other USING (gateway) JOIN gateway ON gateway.name = one.gateway
WHERE one.name <> other.name AND one.first_at <= other.first_at AND one.last_at > other.first_at + interval '1 s'
  AND one.last_at > gateway.seen_at - interval '2 min' AND other.last_at > gateway.seen_at - interval '2 min';

-- The journals that count: the one that began last, and for a day those of a machine that is there beside it: it was heard
-- after that began, or it says that it is another one. A journal that was only replaced is not heard any more.
CREATE VIEW current_journal AS
SELECT journal.gateway, journal.rank, heard_at,
       heard_at > newest.began_at AND journal.rank <> newest.rank AS beside
FROM journal
JOIN gateway ON gateway.name = journal.gateway
JOIN LATERAL (
    SELECT rank, began_at FROM journal AS other WHERE other.gateway = journal.gateway
    ORDER BY began_at DESC, rank DESC LIMIT 1
) AS newest ON true
WHERE journal.rank = newest.rank
   OR (heard_at > gateway.seen_at - interval '1 day'
       AND (heard_at > newest.began_at OR journal.gateway IN (SELECT gateway FROM machines_at_once)));

-- Gateways whose name two machines use.
CREATE VIEW used_twice AS
SELECT gateway FROM machines_at_once
UNION
SELECT current_journal.gateway FROM current_journal JOIN gateway ON gateway.name = current_journal.gateway
WHERE beside AND heard_at > gateway.seen_at - interval '10 min';
