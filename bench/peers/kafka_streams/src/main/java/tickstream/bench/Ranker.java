package tickstream.bench;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Keeps the gainers of the last days, and gives the ranking of each day that changed, once an
 * interval.
 *
 * <p>All of them lie in memory as well as in the store, which is read at the start only: a ranking
 * would else be a scan of the store.
 */
final class Ranker implements Processor<String, Gainer, String, Ranking> {

    /** The store: key = start of the day (ms) and symbol. */
    static final String STORE = "gainers";

    private static final long DAY = Duration.ofDays(1).toMillis();
    private static final long RETENTION = 8 * DAY;

    private final Duration interval;
    private final TreeMap<Long, Map<String, Gainer>> days = new TreeMap<>();
    private final Set<Long> changed = new HashSet<>();
    private KeyValueStore<String, Gainer> store;
    private ProcessorContext<String, Ranking> context;

    Ranker(Duration interval) {
        this.interval = interval;
    }

    @Override
    public void init(ProcessorContext<String, Ranking> given) {
        context = given;
        store = context.getStateStore(STORE);
        try (var rows = store.all()) {
            rows.forEachRemaining(row -> keep(row.value));
        }
        context.schedule(interval, PunctuationType.WALL_CLOCK_TIME, this::publish);
    }

    @Override
    public void process(Record<String, Gainer> record) {
        Gainer gainer = record.value();
        if (days.isEmpty() || gainer.day() > days.lastKey() - RETENTION) {
            keep(gainer);
            store.put(key(gainer), gainer);
        }
        while (days.firstKey() <= days.lastKey() - RETENTION) {
            changed.remove(days.firstKey());
            days.pollFirstEntry().getValue().values().forEach(old -> store.delete(key(old)));
        }
    }

    private void keep(Gainer gainer) {
        days.computeIfAbsent(gainer.day(), day -> new HashMap<>()).put(gainer.symbol(), gainer);
        changed.add(gainer.day());
    }

    private void publish(long now) {
        for (long day : changed) {
            Ranking ranking = Ranking.of(day, days.get(day).values());
            context.forward(new Record<>(ranking.day(), ranking, now));
        }
        changed.clear();
    }

    private static String key(Gainer gainer) {
        return gainer.day() + "/" + gainer.symbol();
    }
}
