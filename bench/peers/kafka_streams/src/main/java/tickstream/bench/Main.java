package tickstream.bench;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Kafka Streams as a contestant: runs until SIGTERM, which commits and stops it in order. */
public final class Main {

    private static final Duration STOP = Duration.ofSeconds(30);

    private Main() {}

    /** Starts the work that {@code BENCH_WORK} names. */
    public static void main(String[] arguments) throws InterruptedException {
        Settings settings = Settings.fromEnvironment();
        var streams = new KafkaStreams(topology(settings), StreamsProperties.of(settings));
        var stopped = new CountDownLatch(1);
        streams.setStateListener(
                (now, before) -> {
                    if (now.hasCompletedShutdown()) {
                        stopped.countDown();
                    }
                });
        streams.setUncaughtExceptionHandler(
                error -> {
                    error.printStackTrace();
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(STOP)));
        streams.start();
        stopped.await();
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.exit(1);
        }
    }

    private static Topology topology(Settings settings) {
        String work = Settings.text("BENCH_WORK");
        return switch (work) {
            case "windows" -> Windows.topology(settings);
            case "filter" -> Filter.topology(settings);
            case "top" -> Top.topology(settings);
            default -> throw new IllegalArgumentException("BENCH_WORK is unknown: " + work);
        };
    }
}
