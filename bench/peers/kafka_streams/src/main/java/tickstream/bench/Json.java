package tickstream.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;

/**
 * JSON by Jackson's streaming API, the fastest of its ways: nothing is bound by reflection.
 *
 * <p>Jackson's own pages advise one factory for all; its fast parser and writer of doubles are off
 * only for compatibility.
 */
final class Json {

    static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                    .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
                    .build();

    private Json() {}

    /** Writes the fields of one value, between the braces that are there already. */
    interface Fields<T> {
        void write(JsonGenerator json, T value) throws IOException;
    }

    /** Makes the serde of results: one JSON object each. */
    static <T> Serde<T> writing(Fields<T> fields) {
        return OneWay.writing((topic, value) -> bytes(fields, value));
    }

    private static <T> byte[] bytes(Fields<T> fields, T value) {
        var bytes = new ByteArrayOutputStream(256);
        try (JsonGenerator json = FACTORY.createGenerator(bytes)) {
            json.writeStartObject();
            fields.write(json, value);
            json.writeEndObject();
        } catch (IOException error) {
            throw new SerializationException(error);
        }
        return bytes.toByteArray();
    }
}
