-- An upload begins under a key, part one of two in one transaction: the key names no earlier one any more.
UPDATE uploads SET latest = 0 WHERE key = :key AND latest
