package tickstream.bench;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.Consumed;

/** How the topic of ticks is read: key = symbol, and the event time is the tick's own. */
final class Ticks {

    private Ticks() {}

    static Consumed<String, Tick> consumed() {
        return Consumed.with(Serdes.String(), OneWay.reading(new TickDeserializer()))
                .withTimestampExtractor((record, before) -> ((Tick) record.value()).time());
    }
}
