package tickstream.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.kstream.Windowed;

/**
 * The candle of one symbol and window, as published.
 *
 * @param key the symbol and its window
 * @param candle what is in it so far
 */
record WindowResult(Windowed<String> key, Candle candle) {

    /** Writes results as JSON; all windows of a run have one size and one advance, in ms. */
    static Serde<WindowResult> serde(long size, long advance) {
        return Json.writing((json, result) -> result.write(json, size, advance));
    }

    private void write(JsonGenerator json, long size, long advance) throws IOException {
        json.writeStringField("symbol", key.key());
        json.writeNumberField("size", size);
        json.writeNumberField("advance", advance);
        json.writeNumberField("start", key.window().start());
        json.writeNumberField("end", key.window().end());
        json.writeNumberField("open", candle.open());
        json.writeNumberField("high", candle.high());
        json.writeNumberField("low", candle.low());
        json.writeNumberField("close", candle.close());
        json.writeNumberField("volume", candle.volume());
        json.writeNumberField("count", candle.count());
    }
}
