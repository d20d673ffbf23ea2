package tickstream.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * One symbol's day so far, as it goes to where all symbols meet.
 *
 * @param symbol whose it is
 * @param day its start, ms since the epoch
 * @param open first price
 * @param last last price
 * @param time of the last price, ms
 */
record Gainer(String symbol, long day, double open, double last, long time) {

    /** The best first: by gain descending, ties by symbol. */
    static final Comparator<Gainer> BEST_FIRST =
            Comparator.comparingDouble(Gainer::gain).reversed().thenComparing(Gainer::symbol);

    /** 32 bytes and the symbol. */
    static final Serde<Gainer> SERDE =
            Serdes.serdeFrom(
                    (topic, gainer) -> gainer == null ? null : gainer.bytes(),
                    (topic, bytes) -> bytes == null ? null : of(ByteBuffer.wrap(bytes)));

    private static final int NUMBERS = 2 * Long.BYTES + 2 * Double.BYTES;

    static Gainer of(String symbol, long day, Day prices) {
        return new Gainer(symbol, day, prices.open(), prices.last(), prices.time());
    }

    /** The rise since the open, a fraction. */
    double gain() {
        return (last - open) / open;
    }

    /** Writes its place in a ranking. */
    void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("symbol", symbol);
        json.writeNumberField("gain", gain());
        json.writeNumberField("open", open);
        json.writeNumberField("last", last);
        json.writeNumberField("time", time);
        json.writeEndObject();
    }

    private byte[] bytes() {
        byte[] name = symbol.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(NUMBERS + name.length)
                .putLong(day)
                .putDouble(open)
                .putDouble(last)
                .putLong(time)
                .put(name)
                .array();
    }

    private static Gainer of(ByteBuffer from) {
        long day = from.getLong();
        double open = from.getDouble();
        double last = from.getDouble();
        long time = from.getLong();
        String symbol = StandardCharsets.UTF_8.decode(from).toString();
        return new Gainer(symbol, day, open, last, time);
    }
}
