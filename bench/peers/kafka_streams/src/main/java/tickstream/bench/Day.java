package tickstream.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The open and the last price of a symbol's day; changed in place, as a {@link Candle} is. */
final class Day {

    /** 24 bytes. */
    static final Serde<Day> SERDE =
            Serdes.serdeFrom(
                    (topic, day) -> day == null ? null : day.bytes(),
                    (topic, bytes) -> bytes == null ? null : new Day(ByteBuffer.wrap(bytes)));

    private double open;
    private double last;
    private long time;

    /** Makes the day of no ticks. */
    Day() {
        time = -1;
    }

    private Day(ByteBuffer from) {
        open = from.getDouble();
        last = from.getDouble();
        time = from.getLong();
    }

    /** Counts a tick in; gives itself. */
    Day add(Tick tick) {
        if (time < 0) {
            open = tick.price();
        }
        last = tick.price();
        time = tick.time();
        return this;
    }

    double open() {
        return open;
    }

    double last() {
        return last;
    }

    /** Event time of the last price, ms. */
    long time() {
        return time;
    }

    private byte[] bytes() {
        return ByteBuffer.allocate(3 * Long.BYTES)
                .putDouble(open)
                .putDouble(last)
                .putLong(time)
                .array();
    }
}
