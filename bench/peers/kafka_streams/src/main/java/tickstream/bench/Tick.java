package tickstream.bench;

/**
 * One trade. Its symbol is the key of its record.
 *
 * @param price of one share, positive
 * @param size number of shares
 * @param time event time, ms since the epoch
 */
record Tick(double price, long size, long time) {}
