package tickstream.bench;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * {@code BENCH_WORK=top}: ticks, the day of each symbol, all of them in one partition, the ten best
 * of each day.
 */
final class Top {

    private Top() {}

    static Topology topology(Settings settings) {
        var builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(Ranker.STORE),
                                Serdes.String(),
                                Gainer.SERDE)
                        .withCachingEnabled());
        builder.stream(settings.input(), Ticks.consumed())
                .groupByKey(Grouped.with(Serdes.String(), null))
                .windowedBy(days())
                .aggregate(Day::new, (symbol, tick, day) -> day.add(tick), store())
                .toStream()
                .map(Top::gainer)
                .repartition(
                        Repartitioned.with(Serdes.String(), Gainer.SERDE)
                                .withName("daily-gains")
                                .withNumberOfPartitions(1))
                .process(() -> new Ranker(Duration.ofMillis(settings.commitMs())), Ranker.STORE)
                .to(settings.output(), Produced.with(Serdes.String(), Ranking.SERDE));
        return builder.build();
    }

    /** The days of UTC: windows are aligned to the epoch. */
    private static TimeWindows days() {
        return TimeWindows.ofSizeAndGrace(
                Duration.ofDays(1), Settings.duration("BENCH_GRACE_MS"));
    }

    private static KeyValue<String, Gainer> gainer(Windowed<String> key, Day day) {
        return KeyValue.pair(key.key(), Gainer.of(key.key(), key.window().start(), day));
    }

    private static Materialized<String, Day, WindowStore<Bytes, byte[]>> store() {
        return Materialized.<String, Day, WindowStore<Bytes, byte[]>>as("days")
                .withKeySerde(Serdes.String())
                .withValueSerde(Day.SERDE)
                .withCachingEnabled();
    }
}
