package tickstream.bench;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * {@code BENCH_WORK=filter}: the ticks of 400 shares and more go on as they came.
 *
 * <p>Key and value stay bytes, so that nothing is written anew; each tick is still read whole.
 */
final class Filter {

    private static final long LEAST = 400;

    private Filter() {}

    static Topology topology(Settings settings) {
        var bytes = Serdes.ByteArray();
        var ticks = new TickDeserializer();
        var builder = new StreamsBuilder();
        builder.stream(settings.input(), Consumed.with(bytes, bytes))
                .filter((key, value) -> ticks.deserialize(settings.input(), value).size() >= LEAST)
                .to(settings.output(), Produced.with(bytes, bytes));
        return builder.build();
    }
}
