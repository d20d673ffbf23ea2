package tickstream.bench;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/**
 * {@code BENCH_WORK=windows}: the candles of each symbol in tumbling or hopping windows.
 *
 * <p>The store is the DSL's own: RocksDB with a changelog topic, behind the record cache. Windows
 * are published on close by the emit strategy, not by {@code suppress()}: behind a cache that one
 * may publish a window, and then again what the cache still held of it. Kafka Streams looks for
 * closed windows when a tick comes, and at most once a second; the first look goes through the
 * cache from 1970 on and takes a second or more, in the warm-up. Without the cache each tick would
 * be written to the store and to the changelog.
 */
final class Windows {

    private Windows() {}

    static Topology topology(Settings settings) {
        Duration size = Settings.duration("BENCH_SIZE_MS");
        Duration advance = Settings.duration("BENCH_ADVANCE_MS");
        Duration grace = Settings.duration("BENCH_GRACE_MS");
        var windows = TimeWindows.ofSizeAndGrace(size, grace).advanceBy(advance);
        var results = WindowResult.serde(size.toMillis(), advance.toMillis());

        var builder = new StreamsBuilder();
        builder.stream(settings.input(), Ticks.consumed())
                .groupByKey(Grouped.with(Serdes.String(), null))
                .windowedBy(windows)
                .emitStrategy(emitStrategy())
                .aggregate(Candle::new, (symbol, tick, candle) -> candle.add(tick), store())
                .toStream()
                .map((key, candle) -> KeyValue.pair(key.key(), new WindowResult(key, candle)))
                .to(settings.output(), Produced.with(Serdes.String(), results));
        return builder.build();
    }

    private static EmitStrategy emitStrategy() {
        return Settings.oneOf("BENCH_EMIT", "updates", "close").equals("close")
                ? EmitStrategy.onWindowClose()
                : EmitStrategy.onWindowUpdate();
    }

    private static Materialized<String, Candle, WindowStore<Bytes, byte[]>> store() {
        return Materialized.<String, Candle, WindowStore<Bytes, byte[]>>as("candles")
                .withKeySerde(Serdes.String())
                .withValueSerde(Candle.SERDE)
                .withCachingEnabled();
    }
}
