-- An upload begins under a key, part two of two in one transaction. `:running` is the time to live of running uploads, or NULL.
INSERT INTO uploads (key, begun_ns, deadline_ns, forget_ns)
VALUES (:key, :now, :now + :running, :now + :running + :tombstone)
