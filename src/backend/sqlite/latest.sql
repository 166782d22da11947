-- The upload that a key names.
SELECT id FROM uploads WHERE key = :key AND latest
