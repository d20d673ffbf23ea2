package tickstream.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * Open, high, low, close, volume and count of the ticks of a window, in their order of arrival.
 *
 * <p>It is changed in place: each one read from the store is an object of its own.
 */
final class Candle {

    /** 48 bytes. */
    static final Serde<Candle> SERDE =
            Serdes.serdeFrom(
                    (topic, candle) -> candle == null ? null : candle.bytes(),
                    (topic, bytes) -> bytes == null ? null : new Candle(ByteBuffer.wrap(bytes)));

    private static final int BYTES = 4 * Double.BYTES + 2 * Long.BYTES;

    private double open;
    private double high;
    private double low;
    private double close;
    private long volume;
    private long count;

    /** Makes the candle of no ticks. */
    Candle() {
        high = Double.NEGATIVE_INFINITY;
        low = Double.POSITIVE_INFINITY;
    }

    private Candle(ByteBuffer from) {
        open = from.getDouble();
        high = from.getDouble();
        low = from.getDouble();
        close = from.getDouble();
        volume = from.getLong();
        count = from.getLong();
    }

    /** Counts a tick in; gives itself. */
    Candle add(Tick tick) {
        double price = tick.price();
        if (count == 0) {
            open = price;
        }
        high = Math.max(high, price);
        low = Math.min(low, price);
        close = price;
        volume += tick.size();
        count++;
        return this;
    }

    double open() {
        return open;
    }

    double high() {
        return high;
    }

    double low() {
        return low;
    }

    double close() {
        return close;
    }

    long volume() {
        return volume;
    }

    long count() {
        return count;
    }

    private byte[] bytes() {
        return ByteBuffer.allocate(BYTES)
                .putDouble(open)
                .putDouble(high)
                .putDouble(low)
                .putDouble(close)
                .putLong(volume)
                .putLong(count)
                .array();
    }
}
