package tickstream.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;

/**
 * The ten best of a day.
 *
 * @param day YYYY-MM-DD, UTC's
 * @param rank the best first
 */
record Ranking(String day, List<Gainer> rank) {

    static final Serde<Ranking> SERDE = Json.writing((json, ranking) -> ranking.write(json));

    private static final int PLACES = 10;

    /** Ranks all gainers of the day that starts at {@code start} (ms). */
    static Ranking of(long start, Collection<Gainer> gainers) {
        String day = Instant.ofEpochMilli(start).atZone(ZoneOffset.UTC).toLocalDate().toString();
        return new Ranking(day, gainers.stream().sorted(Gainer.BEST_FIRST).limit(PLACES).toList());
    }

    private void write(JsonGenerator json) throws IOException {
        json.writeStringField("day", day);
        json.writeArrayFieldStart("rank");
        for (Gainer gainer : rank) {
            gainer.write(json);
        }
        json.writeEndArray();
    }
}
