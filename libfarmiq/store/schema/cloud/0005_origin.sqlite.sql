-- Where the events on the bus came from (spec cloud 1.9): what is the same for all events
-- that a request brought stands once for each run of numbers that they got in a queue, and
-- not in each row. Events from before have none.
CREATE TABLE bus_origin (
    queue TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    request_id TEXT,
    edge_id TEXT,
    ingested_at INTEGER NOT NULL,
    PRIMARY KEY (queue, first_seq)
) STRICT, WITHOUT ROWID;
