package tickstream.bench;

import java.time.Duration;

/**
 * What the harness asks for, from the variables {@code BENCH_*} of the environment.
 *
 * @param bootstrap {@code host:port} of the broker
 * @param input topic of ticks, JSON, key = symbol
 * @param output topic of results
 * @param name application id, unique for a run
 * @param state directory for local state
 * @param threads number of stream threads
 * @param commitMs commit interval, ms
 * @param exactlyOnce whether each commit is a transaction
 */
record Settings(
        String bootstrap,
        String input,
        String output,
        String name,
        String state,
        int threads,
        long commitMs,
        boolean exactlyOnce) {

    /** Reads what all work needs; throws IllegalArgumentException naming what is missing. */
    static Settings fromEnvironment() {
        return new Settings(
                text("BENCH_BOOTSTRAP"),
                text("BENCH_INPUT"),
                text("BENCH_OUTPUT"),
                text("BENCH_NAME"),
                text("BENCH_STATE"),
                (int) number("BENCH_THREADS"),
                number("BENCH_COMMIT_MS"),
                oneOf("BENCH_GUARANTEE", "at_least_once", "exactly_once").equals("exactly_once"));
    }

    /** Gives a variable; throws IllegalArgumentException if it is not set. */
    static String text(String name) {
        String value = System.getenv(name);
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(name + " is not set");
        }
        return value;
    }

    /** Gives a variable that names one of two choices. */
    static String oneOf(String name, String first, String second) {
        String value = text(name);
        if (!value.equals(first) && !value.equals(second)) {
            throw new IllegalArgumentException(
                    name + " is neither " + first + " nor " + second + ": " + value);
        }
        return value;
    }

    /** Gives a variable that is a whole number. */
    static long number(String name) {
        return Long.parseLong(text(name));
    }

    /** Gives a variable that is a time in ms. */
    static Duration duration(String name) {
        return Duration.ofMillis(number(name));
    }
}
