-- Every time is from a gateway's clock, except `seen_at`, `status_at`, `stored_at` and those of gaps and accounts.

CREATE TABLE gateway (
    name      text PRIMARY KEY,
    seen_at   timestamptz NOT NULL, -- when the stream had its newest message
    status    jsonb,
    status_at timestamptz,
    ahead_s   double precision      -- how far its clock is ahead of the stream's
);

-- A gateway whose journal was replaced has several; the one with the highest `rank` counts.
CREATE TABLE journal (
    gateway text NOT NULL REFERENCES gateway,
    name    text NOT NULL,
    rank    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    covered int8multirange NOT NULL DEFAULT '{}', -- the numbers of entries that have arrived; holes are gaps
    newest  bigint NOT NULL DEFAULT 0,
    hash    text NOT NULL DEFAULT '',             -- of the newest: an anchor outside of the gateway
    PRIMARY KEY (gateway, name)
);

CREATE TABLE gap (
    gateway   text NOT NULL,
    journal   bigint NOT NULL,
    first     bigint NOT NULL,
    last      bigint NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    filled_at timestamptz,
    PRIMARY KEY (gateway, journal, first, last)
);

-- Everything but readings.
CREATE TABLE entry (
    gateway   text NOT NULL,
    boot      text NOT NULL,
    seq       bigint NOT NULL,
    ts        timestamptz NOT NULL,
    journal   bigint NOT NULL,
    pump      text NOT NULL,
    session   text NOT NULL,
    kind      text NOT NULL,
    body      jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, boot, seq, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE entry_default PARTITION OF entry DEFAULT; -- of a clock that is far off
CREATE INDEX entry_time ON entry (gateway, ts);
CREATE INDEX entry_alarm ON entry (gateway, journal, pump, (body ->> 'code'), kind, seq) WHERE kind LIKE 'alarm\_%';
CREATE INDEX entry_infusion ON entry (ts) WHERE kind = 'infusion_ended';
CREATE INDEX entry_session ON entry (gateway, session, kind, ts) WHERE session <> '';

CREATE TABLE reading (
    gateway             text NOT NULL,
    boot                text NOT NULL,
    seq                 bigint NOT NULL,
    ts                  timestamptz NOT NULL,
    pump                text NOT NULL,
    session             text NOT NULL,
    state               text,
    pump_state          text,
    rate_ml_h           double precision,
    volume_infused_ml   double precision,
    volume_remaining_ml double precision,
    pressure_mmhg       double precision,
    battery_percent     double precision,
    PRIMARY KEY (gateway, boot, seq, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE reading_default PARTITION OF reading DEFAULT;
CREATE INDEX reading_pump ON reading (gateway, pump, ts);

-- Readings by the minute and by the hour, so that a year is a few thousand of them.
CREATE TABLE trend (
    gateway      text NOT NULL,
    pump         text NOT NULL,
    step_s       integer NOT NULL,
    at           timestamptz NOT NULL,
    readings     bigint NOT NULL,
    rate_sum     double precision NOT NULL,
    rate_min     double precision,
    rate_max     double precision,
    infused_ml   double precision,
    pressure_min double precision,
    pressure_max double precision,
    PRIMARY KEY (gateway, pump, step_s, at)
);

-- What is true of a pump now. Each part has the place of the entry that it comes from.
CREATE TABLE bed (
    gateway         text NOT NULL REFERENCES gateway,
    pump            text NOT NULL,
    simulated       boolean,
    state           text,
    state_at        timestamptz,
    session         text,
    state_journal   bigint NOT NULL DEFAULT 0,
    state_seq       bigint NOT NULL DEFAULT 0,
    reading         jsonb,
    reading_at      timestamptz,
    reading_seen_at timestamptz,
    reading_journal bigint NOT NULL DEFAULT 0,
    reading_seq     bigint NOT NULL DEFAULT 0,
    kept_at         timestamptz,
    kept_state      text,
    kept_pump_state text,
    kept_rate_ml_h  double precision,
    PRIMARY KEY (gateway, pump)
);

CREATE TABLE alarm (
    gateway         text NOT NULL,
    journal         bigint NOT NULL,
    seq             bigint NOT NULL, -- of the entry that raised it
    pump            text NOT NULL,   -- empty: the gateway itself
    code            text NOT NULL,
    session         text NOT NULL,
    priority        text NOT NULL,
    cause           text NOT NULL,
    action          text NOT NULL,
    raised_at       timestamptz NOT NULL,
    escalated_at    timestamptz,
    acknowledged_at timestamptz,
    cleared_at      timestamptz,
    stored_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, journal, seq)
);
CREATE INDEX alarm_open ON alarm (gateway) WHERE cleared_at IS NULL;
CREATE INDEX alarm_time ON alarm (raised_at);

-- Messages that could not be understood. They are acknowledged, so that they hold up nothing, and kept for a person.
CREATE TABLE refused (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stored_at timestamptz NOT NULL DEFAULT now(),
    subject   text NOT NULL,
    why       text NOT NULL,
    payload   bytea NOT NULL
);

CREATE TABLE account (
    name    text PRIMARY KEY,
    hash    text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE login (
    token   bytea PRIMARY KEY, -- SHA-256 of the cookie
    account text NOT NULL REFERENCES account ON DELETE CASCADE,
    ends_at timestamptz NOT NULL
);

-- The holes of each journal. Before the first range that arrived, a journal may have been pruned: that is no hole,
-- because a batch covers what retention removed as well.
CREATE VIEW hole AS
SELECT gateway, rank AS journal, upper(part) AS first, lead(lower(part)) OVER later - 1 AS last
FROM journal, unnest(int8multirange(int8range(0, 1)) + covered) AS part
WINDOW later AS (PARTITION BY gateway, rank ORDER BY lower(part));
