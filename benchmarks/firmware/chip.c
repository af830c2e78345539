/* Runs the firmware of an AVR chip and counts the edges on its pins.
 *
 * The chip's UART 0 is a pseudo-terminal. Time is the chip's: a cycle counter, never this machine's clock. See `usage`
 * for the options. Every line on standard output is a JSON object; standard input takes `count`, `clear` (the counts),
 * `reset` (the chip), and `pin C0 0` for a level on an input, each answered by a count. SIGTERM, SIGINT and the end of a
 * pipe on standard input end it with exit status 0 after a last count; a crash of the firmware ends it with 3.
 *
 * What it does not show: the electrical side, the motor, the baud rate's error (bytes take the time of the rate that
 * the firmware has set, whatever rate the host has set), and the bootloader.
 *
 * This file is Apache-2.0. It is linked with libsimavr, which is GPL-3; the program is built where it runs and is not
 * distributed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "avr_extint.h"
#include "avr_ioport.h"
#include "avr_uart.h"
#include "sim_avr.h"
#include "sim_elf.h"
#include "sim_io.h"

DEFINE_FIFO(uint16_t, uart_fifo);

#define MOST_PINS 16
#define VISIBLE 10        /* one part of a second: a light that is out for less is on, to a person */
#define SLICES_PER_S 1000 /* how often the chip is compared with the clock, and its line read, in chip time */
#define HARDWARE_FIFO 3   /* bytes that the chip holds until the firmware reads: two, and one in the shift register */

typedef struct {
    const char *name;
    char port, way_port; /* 'B' to 'D'; way_port 0: no direction pin */
    int bit, way_bit;
    int level, way;
    uint64_t high, low;   /* rising edges while the direction pin was high, and low */
    uint64_t fell, seen;         /* when it went low; rises after a low that an eye can see */
    uint64_t first, last;        /* the cycles of the first and last rising edge */
    uint64_t shortest, longest;  /* cycles between two of them */
} pin_t;

static avr_t *avr;
static avr_uart_t *uart;
static avr_irq_t *to_chip;
static pin_t pins[MOST_PINS];
static int pin_count;

static int master = -1;
static bool listened;                 /* a process has the port open */
static uint8_t waiting[256];          /* bytes from the host that are still on the wire */
static size_t waiting_count, waiting_at;
static uint64_t next_byte;            /* the cycle at which the next of them may arrive */
static uint64_t received, sent, unheard, overrun, last_received, last_sent; /* bytes; the last two are cycles */
static unsigned resets;
static double catch_up_s = 0.05;      /* of chip time */
static double late_s;                 /* wall seconds that the chip lost against its pace */
static double started_at;
static volatile sig_atomic_t ending;

static const char usage[] =
    "usage: chip [options] IMAGE.elf\n"
    "  --count NAME=PIN[/PIN]  count rising edges on a pin such as D2; the second pin is its direction. May be repeated\n"
    "  --link PATH             make PATH a link to the pseudo-terminal of UART 0\n"
    "  --speed X               chip seconds per real second (default 1; 0: as fast as this machine can)\n"
    "  --catch-up S            chip seconds that it may make up for after a stall (default 0.05)\n"
    "  --every S               report the counts every S chip seconds\n"
    "  --reset-on-open         opening the port resets the chip, as the DTR line of an Arduino Uno does\n"
    "  --mcu NAME              default: what the image says, else atmega328p\n"
    "  --frequency HZ          default: what the image says, else 16000000\n";

static void fail(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    fputs("chip: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    exit(2);
}

static double now_s(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

/* ---- pins -------------------------------------------------------------------------------------------------- */

static bool pin_of(const char *text, char *port, int *bit) {
    if (text[0] < 'A' || text[0] > 'L' || text[1] < '0' || text[1] > '7' || (text[2] && text[2] != '/'))
        return false;
    *port = text[0];
    *bit = text[1] - '0';
    return true;
}

static void add_pin(char *text) {
    char *equals = strchr(text, '=');
    pin_t *pin = &pins[pin_count];
    if (pin_count == MOST_PINS || !equals || equals == text || !pin_of(equals + 1, &pin->port, &pin->bit))
        fail("--count %s: NAME=PIN or NAME=PIN/PIN is needed, such as step=D2/D5", text);
    if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != (size_t)(equals - text))
        fail("--count %s: a name is of small letters, digits, - and _", text);
    if (equals[3] == '/' && !pin_of(equals + 4, &pin->way_port, &pin->way_bit))
        fail("--count %s: %s is not a pin, such as D5", text, equals + 4);
    *equals = 0;
    pin->name = text;
    pin_count++;
}

static void on_pin(avr_irq_t *irq, uint32_t value, void *param) {
    pin_t *pin = param;
    (void)irq;
    bool rises = value && !pin->level;
    if (!value && pin->level)
        pin->fell = avr->cycle;
    pin->level = value != 0;
    if (!rises)
        return;
    if (avr->cycle - pin->fell >= avr->frequency / VISIBLE)
        pin->seen++;
    if (pin->way || !pin->way_port)
        pin->high++;
    else
        pin->low++;
    if (!pin->first) {
        pin->first = avr->cycle;
    } else {
        uint64_t between = avr->cycle - pin->last;
        if (!pin->shortest || between < pin->shortest)
            pin->shortest = between;
        if (between > pin->longest)
            pin->longest = between;
    }
    pin->last = avr->cycle;
}

static void on_way(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    ((pin_t *)param)->way = value != 0;
}

static void watch(char port, int bit, avr_irq_notify_t callback, pin_t *pin) {
    avr_irq_t *irq = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit);
    if (!irq)
        fail("--count %s: this chip has no pin %c%d", pin->name, port, bit);
    avr_irq_register_notify(irq, callback, pin);
}

/* ---- reports ----------------------------------------------------------------------------------------------- */

static void report(const char *event) {
    printf("{\"event\":\"%s\",\"cycles\":%" PRIu64 ",\"chip_s\":%.6f,\"wall_s\":%.3f,\"late_s\":%.3f,\"resets\":%u,",
           event, (uint64_t)avr->cycle, (double)avr->cycle / avr->frequency, now_s() - started_at, late_s, resets);
    printf("\"received\":%" PRIu64 ",\"last_received\":%" PRIu64 ",\"overrun\":%" PRIu64 ",\"sent\":%" PRIu64
           ",\"last_sent\":%" PRIu64 ",\"unheard\":%" PRIu64 ",\"pins\":{",
           received, last_received, overrun, sent, last_sent, unheard);
    for (int i = 0; i < pin_count; i++)
        printf("%s\"%s\":{\"high\":%" PRIu64 ",\"low\":%" PRIu64 ",\"seen\":%" PRIu64
               ",\"first\":%" PRIu64 ",\"last\":%" PRIu64
               ",\"shortest\":%" PRIu64 ",\"longest\":%" PRIu64 ",\"level\":%d}",
               i ? "," : "", pins[i].name, pins[i].high, pins[i].low, pins[i].seen, pins[i].first, pins[i].last,
               pins[i].shortest, pins[i].longest, pins[i].level);
    puts("}}");
    fflush(stdout);
}

/* simavr tests a pin that could raise a level-triggered interrupt in every cycle while it is low, also when that
 * interrupt is off, as it is on a step pin. Without that test the emulation is many times faster; an interrupt by level
 * then comes once, at the falling edge. */
static void without_level_tests(void) {
    for (uint8_t number = 0; number < 2; number++)
        avr_extint_set_strict_lvl_trig(avr, number, 0);
}

static void clear(void) {
    for (int i = 0; i < pin_count; i++)
        pins[i].high = pins[i].low = pins[i].seen = pins[i].first = pins[i].last = pins[i].shortest = pins[i].longest = 0;
}

static void reset(void) {
    avr_reset(avr);
    without_level_tests();
    for (char port = 'A'; port <= 'L'; port++) /* simavr clears the pins, but not what it has last said of them */
        for (int bit = 0; bit < 8; bit++) {
            avr_irq_t *irq = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit);
            if (irq)
                irq->flags |= IRQ_FLAG_INIT;
        }
    waiting_count = waiting_at = 0;
    resets++;
}

/* ---- the line ---------------------------------------------------------------------------------------------- */

static void make_raw(int end) {
    struct termios attributes;
    if (tcgetattr(end, &attributes) == 0) {
        cfmakeraw(&attributes);
        tcsetattr(end, TCSANOW, &attributes);
    }
}

static void open_line(const char *link) {
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master))
        fail("no pseudo-terminal: %s", strerror(errno));
    /* Opened and closed once, so that from now on `poll` reports whether a process has it open. */
    int end = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (end < 0)
        fail("%s: %s", ptsname(master), strerror(errno));
    make_raw(end);
    close(end);
    if (!link)
        return;
    char old[4];
    if (readlink(link, old, sizeof old) >= 0)
        unlink(link);
    if (symlink(ptsname(master), link))
        fail("%s: %s", link, strerror(errno));
}

static void on_sent(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)param;
    uint8_t byte = value;
    last_sent = avr->cycle;
    if (listened && write(master, &byte, 1) == 1)
        sent++;
    else
        unheard++; /* as on a wire: what nobody reads is gone */
}

static void read_line(bool reset_on_open) {
    struct pollfd port = {.fd = master, .events = POLLIN};
    poll(&port, 1, 0);
    bool open_now = !(port.revents & POLLHUP);
    if (open_now && !listened) {
        make_raw(master);
        if (reset_on_open)
            reset();
    }
    listened = open_now;
    if (waiting_at < waiting_count || !(port.revents & POLLIN))
        return;
    ssize_t count = read(master, waiting, sizeof waiting);
    waiting_count = count > 0 ? count : 0;
    waiting_at = 0;
}

/* One byte at a time, each after the time that it takes on the wire. */
static void feed_line(void) {
    while (waiting_at < waiting_count && avr->cycle >= next_byte) {
        next_byte = avr->cycle + (uart->cycles_per_byte ? uart->cycles_per_byte : avr->frequency / 1000);
        uint8_t byte = waiting[waiting_at++];
        if (uart_fifo_get_read_size(&uart->input) >= HARDWARE_FIFO) {
            overrun++;
            continue;
        }
        received++;
        last_received = avr->cycle;
        avr_raise_irq(to_chip, byte);
    }
}

/* ---- commands, signals, pace ------------------------------------------------------------------------------- */

static void carry_out(char *line) {
    char port;
    int bit;
    if (!strcmp(line, "count")) {
        report("count");
    } else if (!strcmp(line, "clear")) {
        clear();
        report("clear");
    } else if (!strcmp(line, "reset")) {
        reset();
        report("reset");
    } else if (!strncmp(line, "pin ", 4) && strlen(line) == 8 && line[6] == ' ' && (line[6] = 0, 1) &&
               pin_of(line + 4, &port, &bit) && avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit)) {
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit), line[7] == '1');
        report("pin");
    } else {
        fprintf(stderr, "chip: %s: not a command; known: count, clear, reset, pin C0 0\n", line);
    }
}

static void obey(void) {
    static char line[64];
    static size_t length;
    static bool closed;
    struct stat kind;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    while (!closed && poll(&input, 1, 0) > 0) {
        if (read(STDIN_FILENO, &byte, 1) != 1) {
            closed = true;
            ending = fstat(STDIN_FILENO, &kind) == 0 && S_ISFIFO(kind.st_mode); /* who gave the commands is gone */
        } else if (byte == '\n') {
            line[length] = 0;
            length = 0;
            carry_out(line);
        } else if (length < sizeof line - 1) {
            line[length++] = byte;
        }
    }
}

static void on_signal(int number) {
    (void)number;
    ending = 1;
}

/* The chip never runs ahead of the clock. It makes up for a short stall; a longer one is reported, and stays lost: a
 * chip that hurried would end a lease before the host could renew it. */
static void keep_pace(double speed) {
    static uint64_t from_cycle;
    static double from_s;
    if (!from_s)
        from_s = started_at;
    double now = now_s(), due = from_s + (avr->cycle - from_cycle) / (double)avr->frequency / speed;
    if (now > due + catch_up_s / speed) {
        late_s += now - due;
        from_cycle = avr->cycle;
        from_s = now;
    } else if (now < due) {
        struct timespec rest = {.tv_sec = (time_t)(due - now), .tv_nsec = (long)((due - now - (time_t)(due - now)) * 1e9)};
        nanosleep(&rest, NULL);
    }
}

static void no_sleep(avr_t *chip, avr_cycle_count_t cycles) {
    (void)chip;
    (void)cycles; /* `keep_pace` is the only one that waits */
}

static void log_warning(avr_t *chip, const int level, const char *format, va_list rest) {
    (void)chip;
    if (level <= LOG_WARNING)
        vfprintf(stderr, format, rest);
}

/* ---- the chip ---------------------------------------------------------------------------------------------- */

static void make_chip(const char *image, const char *mcu, uint32_t frequency) {
    static elf_firmware_t firmware; /* zeroed: what the image does not say stays 0 */
    avr_global_logger_set(log_warning);
    if (access(image, R_OK) || elf_read_firmware(image, &firmware))
        fail("%s: not an ELF image of an AVR that can be read", image);
    if (mcu || !firmware.mmcu[0])
        snprintf(firmware.mmcu, sizeof firmware.mmcu, "%s", mcu ? mcu : "atmega328p");
    if (frequency || !firmware.frequency)
        firmware.frequency = frequency ? frequency : 16000000;
    avr = avr_make_mcu_by_name(firmware.mmcu);
    if (!avr)
        fail("simavr does not know the chip %s", firmware.mmcu);
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr->sleep = no_sleep;
    without_level_tests();
    for (avr_io_t *io = avr->io_port; io; io = io->next)
        if (!strcmp(io->kind, "uart") && ((avr_uart_t *)io)->name == '0')
            uart = (avr_uart_t *)io;
    if (!uart)
        fail("the chip %s has no UART 0", firmware.mmcu);
    uint32_t flags = 0; /* neither prints on the terminal nor sleeps when polled */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    to_chip = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, NULL);
    for (int i = 0; i < pin_count; i++) {
        watch(pins[i].port, pins[i].bit, on_pin, &pins[i]);
        if (pins[i].way_port)
            watch(pins[i].way_port, pins[i].way_bit, on_way, &pins[i]);
    }
}

static double number(const char *option, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0))
        fail("%s %s: a number that is not negative is needed", option, text);
    return value;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"count", required_argument, NULL, 'c'}, {"link", required_argument, NULL, 'l'},
        {"speed", required_argument, NULL, 's'}, {"every", required_argument, NULL, 'e'},
        {"mcu", required_argument, NULL, 'm'},   {"frequency", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},        {"reset-on-open", no_argument, NULL, 'r'},
        {"catch-up", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    const char *link = NULL, *mcu = NULL;
    double speed = 1, every_s = 0, frequency = 0;
    bool reset_on_open = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (option) {
        case 'c': add_pin(optarg); break;
        case 'l': link = optarg; break;
        case 's': speed = number("--speed", optarg); break;
        case 'e': every_s = number("--every", optarg); break;
        case 'm': mcu = optarg; break;
        case 'f': frequency = number("--frequency", optarg); break;
        case 'u': catch_up_s = number("--catch-up", optarg); break;
        case 'r': reset_on_open = true; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return 2;
    }
    make_chip(argv[optind], mcu, frequency);
    open_line(link);
    struct sigaction ends = {.sa_handler = on_signal};
    sigaction(SIGTERM, &ends, NULL);
    sigaction(SIGINT, &ends, NULL);
    started_at = now_s();
    printf("{\"event\":\"ready\",\"port\":\"%s\",\"mcu\":\"%s\",\"frequency\":%u}\n", ptsname(master), avr->mmcu,
           (unsigned)avr->frequency);
    fflush(stdout);

    const uint64_t slice = avr->frequency / SLICES_PER_S, every = every_s * avr->frequency;
    uint64_t next_report = every;
    int state = cpu_Running;
    while (!ending && state != cpu_Done && state != cpu_Crashed) {
        uint64_t until = avr->cycle + slice;
        while (avr->cycle < until && state != cpu_Done && state != cpu_Crashed) {
            state = avr_run(avr);
            if (waiting_at < waiting_count)
                feed_line();
        }
        read_line(reset_on_open);
        obey();
        if (every && avr->cycle >= next_report) {
            report("count");
            next_report += every;
        }
        if (speed)
            keep_pace(speed);
    }
    report(ending ? "end" : "crash");
    if (link)
        unlink(link);
    return ending ? 0 : 3;
}
