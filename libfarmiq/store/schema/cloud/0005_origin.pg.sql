-- Where the events on the bus came from (spec cloud 1.9): what is the same for all events
-- that a request brought stands once for each run of numbers that they got in a queue, and
-- not in each row. Events from before have none.
CREATE TABLE bus_origin (
    queue text COLLATE "C" NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    request_id text,
    edge_id text,
    ingested_at timestamptz NOT NULL,
    PRIMARY KEY (queue, first_seq)
);
