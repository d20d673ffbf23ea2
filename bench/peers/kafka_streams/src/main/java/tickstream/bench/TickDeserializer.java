package tickstream.bench;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/** Reads a tick from JSON, in one pass over its bytes. */
final class TickDeserializer implements Deserializer<Tick> {

    @Override
    public Tick deserialize(String topic, byte[] bytes) {
        try (JsonParser json = Json.FACTORY.createParser(bytes)) {
            return read(json);
        } catch (IOException error) {
            throw new SerializationException(error);
        }
    }

    private static Tick read(JsonParser json) throws IOException {
        double price = Double.NaN;
        long size = 0;
        long time = -1;
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw new SerializationException("a tick is a JSON object");
        }
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            switch (name) {
                case "price" -> price = json.getDoubleValue();
                case "size" -> size = json.getLongValue();
                case "time" -> time = json.getLongValue();
                default -> json.skipChildren();
            }
        }
        if (!(price > 0) || time < 0) {
            throw new SerializationException("a tick has a positive price and a time");
        }
        return new Tick(price, size, time);
    }
}
