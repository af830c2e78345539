/* A reference firmware for a syringe pump with a step motor: an ATmega328P at 16 MHz, such as an Arduino Uno.
 *
 * It shows what a pump needs so that a program can control it safely. README.md describes the protocol. Promises:
 * - Flow is a permission that expires. The interrupt that makes the steps counts the lease down: flow ends when nobody
 *   renews it, even if the rest of this program hangs.
 * - A start names the pump and the whole program that it means, and is accepted once after each load.
 * - A stop is accepted in every state, without conditions, and is answered when no further step can come.
 * - The counter counts steps that were made. Talking never disturbs a step: both are interrupts, and the reply waits.
 * - A frame with a wrong check sum is not answered. An answered frame with a wrong value changes nothing.
 * - What the pump cannot do exactly it refuses; it never changes a value by itself.
 * - No dynamic memory, no recursion, no floating point, no wait in an interrupt except the 2 us of the step pulse.
 *
 * Not a cleared medical device: for simulation, research and integration only. Licence: Apache-2.0.
 */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <util/atomic.h>
#include <util/crc16.h>
#include <util/delay.h>

/* ---- the machine: adapt this part to yours -------------------------------------------------------------------- */

#define MODEL "ref-1"
#define VERSION 0x0100        /* major, minor */
#define LEAD_UM 1000UL        /* the plunger moves so far in one revolution */
#define STEPS_PER_REV 3200UL  /* 200 full steps, 16 microsteps each */
#define LONGEST_LEASE_S 60
#define DIAMETER_MIN_UM 4000
#define DIAMETER_MAX_UM 40000
#define VOLUME_MAX_UL 100000UL
#define FASTEST_STEPS_PER_S 1000UL

#define STEP PD2      /* a rising edge is a step */
#define DIRECTION PD5 /* high: infuse */
#define ENABLE PB0    /* low: the motor is held */
#define LED PB5
#define STOP_KEY PC0  /* to ground: a person at the pump stops it */
#define STALL PC1     /* to ground: the motor's driver reports a stall or a fault */

/* ---- what is stored without power ------------------------------------------------------------------------------ */

#ifndef SERIAL
#define SERIAL 0xFFFFFFFF /* not set: such a pump starts nothing. `make SERIAL=0x1234` gives each pump its own */
#endif
#define TAG_LENGTH 16

static uint32_t EEMEM stored_serial = SERIAL;
static uint8_t EEMEM stored_address = 1;
static char EEMEM stored_tag[TAG_LENGTH]; /* a host may write a text here, and know the pump by it later */

static uint32_t serial;
static uint8_t address;

/* ---- flow: the timer's interrupt owns it ----------------------------------------------------------------------- */

#define TICKS_PER_S 4000UL

enum { RESET = 0x01, LEASE_ENDED = 0x02, STALLED = 0x04, KEY_PRESSED = 0x08, HUNG = 0x10 };

typedef struct {
    uint16_t diameter_um;
    uint32_t rate_ul_h;
    uint32_t volume_ul;
} program_t;

static program_t program;    /* all zero: none */
static uint64_t step_fl;     /* volume of one step in femtolitres, of the loaded syringe */
static bool startable;       /* a program was loaded and not yet started */

static volatile bool flowing;
static volatile uint8_t alarms;
static volatile uint32_t steps, last_step; /* made since the load, and after which the program has ended */
static volatile uint32_t lease;            /* ticks until the flow ends */
static volatile uint8_t ticks;
static uint32_t phase, advance;            /* one step whenever `phase` overflows: no error adds up */

static void end_flow(uint8_t why) {
    flowing = false;
    alarms |= why;
}

ISR(TIMER1_COMPA_vect) {
    ticks++;
    if (!flowing)
        return;
    if (lease == 0)
        return end_flow(LEASE_ENDED);
    lease--;
    if (!(PINC & _BV(STOP_KEY)))
        return end_flow(KEY_PRESSED);
    if (!(PINC & _BV(STALL)))
        return end_flow(STALLED);
    uint32_t before = phase;
    phase += advance;
    if (phase >= before)
        return;
    PORTD |= _BV(STEP);
    _delay_us(2); /* the shortest pulse that common drivers accept is 1.9 us */
    PORTD &= (uint8_t)~_BV(STEP);
    if (++steps == last_step)
        flowing = false;
}

/* Returns false for values that this pump cannot do; then nothing has changed. Only while nothing flows. */
static bool load(const program_t *wanted) {
    if (wanted->diameter_um < DIAMETER_MIN_UM || wanted->diameter_um > DIAMETER_MAX_UM)
        return false;
    if (wanted->volume_ul == 0 || wanted->volume_ul > VOLUME_MAX_UL)
        return false;
    /* pi / 4 as 785398 / 10^6; one cubic micrometre is one femtolitre */
    uint64_t area = (uint64_t)wanted->diameter_um * wanted->diameter_um * 785398 / 1000000;
    uint64_t one = area * LEAD_UM / STEPS_PER_REV;
    if (wanted->rate_ul_h > one * FASTEST_STEPS_PER_S * 3600 / 1000000000)
        return false;
    uint64_t per_tick = (uint64_t)wanted->rate_ul_h * 1000000000 * 256 / (3600 * TICKS_PER_S);
    uint32_t speed = (per_tick << 24) / one, count = (uint64_t)wanted->volume_ul * 1000000000 / one; /* rounded down */
    if (speed == 0 || count == 0)
        return false;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        program = *wanted;
        step_fl = one;
        advance = speed;
        last_step = count;
        steps = phase = lease = 0;
        alarms = 0;
        startable = true;
    }
    return true;
}

static void start(uint8_t lease_s) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        startable = false;
        lease = lease_s * TICKS_PER_S;
        flowing = true;
    }
}

static void stop(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        flowing = false; /* no step can come after this line */
        startable = false;
    }
}

/* ---- the line: 38400 8N1, one frame in and one frame out ------------------------------------------------------- */

#define LONGEST 64

static char incoming[LONGEST];          /* the receiver's own */
static uint8_t incoming_length = LONGEST;
static char request[LONGEST + 1];       /* the main loop's, while `request_ready` */
static volatile bool request_ready;
static char reply[LONGEST + 8];
static volatile uint8_t reply_at, reply_length;

ISR(USART_RX_vect) {
    char byte = UDR0;
    if (byte == ':')
        incoming_length = 0; /* a frame may begin at any time: half a frame before it is dropped */
    if (byte != '\n') {
        if (incoming_length < LONGEST)
            incoming[incoming_length++] = byte;
        return;
    }
    if (incoming_length < LONGEST && !request_ready) {
        memcpy(request, incoming, incoming_length);
        request[incoming_length] = 0;
        request_ready = true;
    }
    incoming_length = LONGEST; /* until the next ':' nothing is kept */
}

ISR(USART_UDRE_vect) {
    UDR0 = reply[reply_at++];
    if (reply_at == reply_length) {
        reply_length = 0;
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    }
}

static uint16_t check_of(const char *text, uint8_t length) {
    uint16_t check = 0xFFFF; /* CRC-16/CCITT-FALSE: "123456789" gives 29B1 */
    for (uint8_t at = 0; at < length; at++)
        check = _crc_xmodem_update(check, (uint8_t)text[at]);
    return check;
}

static uint8_t put(uint8_t at, uint32_t value, uint8_t digits) {
    for (uint8_t digit = digits; digit-- > 0; value >>= 4)
        reply[at + digit] = "0123456789ABCDEF"[value & 0xF];
    return at + digits;
}

/* Takes so many hexadecimal digits, capitals only. Returns false, and moves nothing, if there are fewer. */
static bool take(const char **at, uint8_t digits, uint32_t *value) {
    *value = 0;
    for (uint8_t digit = 0; digit < digits; digit++) {
        char c = (*at)[digit];
        uint8_t nibble;
        if (c >= '0' && c <= '9')
            nibble = c - '0';
        else if (c >= 'A' && c <= 'F')
            nibble = c - 'A' + 10;
        else
            return false;
        *value = *value << 4 | nibble;
    }
    *at += digits;
    return true;
}

/* ---- commands ------------------------------------------------------------------------------------------------- */

enum { DONE, UNKNOWN, MALFORMED, OUT_OF_RANGE, NOT_WHILE_FLOWING, ANOTHER_PUMP, ANOTHER_PROGRAM, NOTHING_TO_START };

static uint8_t blinks; /* half periods of the LED that are left */

static uint8_t put_program(uint8_t at) {
    at = put(at, program.diameter_um, 4);
    at = put(at, program.rate_ul_h, 8);
    return put(at, program.volume_ul, 8);
}

static bool take_program(const char **at, program_t *found) {
    uint32_t diameter;
    bool whole = take(at, 4, &diameter) && take(at, 8, &found->rate_ul_h) && take(at, 8, &found->volume_ul);
    found->diameter_um = diameter;
    return whole;
}

static uint8_t put_status(uint8_t at) {
    bool now;
    uint8_t why;
    uint32_t made, left, end;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = flowing, why = alarms, made = steps, left = lease, end = last_step; }
    /* After the last step the whole volume was given: the rest is less than a step. Before it, rounded down. */
    uint32_t given = made == end ? program.volume_ul : made * step_fl / 1000000000;
    at = put(at, now, 1);
    at = put(at, why, 2);
    at = put(at, program.rate_ul_h, 8);
    at = put(at, given, 8);
    at = put(at, made, 8);
    return put(at, now ? (left + TICKS_PER_S - 1) / TICKS_PER_S : 0, 2);
}

static uint8_t do_start(const char *data) {
    uint32_t meant, lease_s;
    program_t named;
    if (!take(&data, 8, &meant) || !take_program(&data, &named) || !take(&data, 2, &lease_s) || *data)
        return MALFORMED;
    if (flowing)
        return NOT_WHILE_FLOWING;
    if (meant != serial || serial == 0xFFFFFFFF)
        return ANOTHER_PUMP;
    if (lease_s == 0 || lease_s > LONGEST_LEASE_S)
        return OUT_OF_RANGE;
    if (!startable || alarms)
        return NOTHING_TO_START;
    if (memcmp(&named, &program, sizeof named) != 0)
        return ANOTHER_PROGRAM;
    start(lease_s);
    return DONE;
}

static uint8_t do_renew(const char *data) {
    uint32_t lease_s;
    if (!*data)
        return DONE; /* only a question: who watches does not keep a flow alive */
    if (!take(&data, 2, &lease_s) || *data)
        return MALFORMED;
    if (lease_s == 0 || lease_s > LONGEST_LEASE_S)
        return OUT_OF_RANGE;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { lease = lease_s * TICKS_PER_S; } /* without flow it has no effect */
    return DONE;
}

static uint8_t do_tag(const char *data) {
    uint8_t length = strlen(data);
    if (!length)
        return DONE;
    if (flowing)
        return NOT_WHILE_FLOWING; /* the EEPROM is slow */
    if (length > TAG_LENGTH)
        return MALFORMED;
    char padded[TAG_LENGTH] = {0};
    memcpy(padded, data, length);
    eeprom_update_block(padded, stored_tag, TAG_LENGTH);
    return DONE;
}

static uint8_t do_address(const char *data) {
    uint32_t meant, wanted;
    if (!take(&data, 8, &meant) || !take(&data, 2, &wanted) || *data)
        return MALFORMED;
    if (flowing)
        return NOT_WHILE_FLOWING;
    if (meant != serial)
        return ANOTHER_PUMP;
    if (wanted == 0 || wanted == 0xFF)
        return OUT_OF_RANGE;
    address = wanted;
    eeprom_update_byte(&stored_address, address);
    return DONE;
}

/* Carries out one request and returns the result; `*at` grows by the data of the reply. */
static uint8_t carry_out(char command, const char *data, uint8_t *at) {
    uint8_t result = DONE;
    program_t wanted;
    uint32_t count;
    switch (command) {
    case 'I': /* which pump is this */
        *at = put(*at, serial, 8);
        *at = put(*at, VERSION, 4);
        memcpy(reply + *at, MODEL, sizeof MODEL - 1);
        *at += sizeof MODEL - 1;
        break;
    case 'S': /* status; with a number of seconds it renews the lease first */
        result = do_renew(data);
        if (result == DONE)
            *at = put_status(*at);
        break;
    case 'P': /* load a program; the reply shows what is held now */
        if (!take_program(&data, &wanted) || *data)
            return MALFORMED;
        if (flowing)
            return NOT_WHILE_FLOWING;
        if (!load(&wanted))
            return OUT_OF_RANGE;
        *at = put_program(*at);
        break;
    case 'Q': /* the program that is held */
        *at = put_program(*at);
        break;
    case 'G': /* start */
        result = do_start(data);
        break;
    case 'X': /* stop: no condition, no data that could be wrong; the reply is the status after it */
        stop();
        *at = put_status(*at);
        break;
    case 'B': /* show yourself: the LED blinks so many times */
        if (!take(&data, 1, &count) || *data)
            return MALFORMED;
        if (flowing)
            return NOT_WHILE_FLOWING;
        blinks = 2 * count;
        break;
    case 'T': /* the tag; with a text it is written first */
        result = do_tag(data);
        if (result == DONE) {
            eeprom_read_block(reply + *at, stored_tag, TAG_LENGTH);
            *at += strnlen(reply + *at, TAG_LENGTH);
        }
        break;
    case 'A': /* take another address from the next frame on; names the pump that is meant */
        result = do_address(data);
        break;
    default:
        result = UNKNOWN;
    }
    return result;
}

/* Request  :AASSCdata....KKKK   reply  =AASSCRdata....KKKK   (address, sequence number, command, result, check) */
static void answer(void) {
    uint8_t length = strlen(request);
    const char *at = request + length - 4;
    uint32_t check, to, sequence;
    if (length < 10 || !take(&at, 4, &check) || check != check_of(request, length - 4))
        return;
    request[length - 4] = 0;
    at = request + 1;
    if (!take(&at, 2, &to) || !take(&at, 2, &sequence) || to != address)
        return;
    reply[0] = '=';
    uint8_t end = put(put(1, to, 2), sequence, 2);
    reply[end++] = *at;
    uint8_t place = end++, result = carry_out(*at, at + 1, &end);
    put(place, result, 1);
    end = put(end, check_of(reply, end), 4);
    reply[end++] = '\n';
    reply_at = 0;
    reply_length = end;
    UCSR0B |= _BV(UDRIE0);
}

/* ---- main ------------------------------------------------------------------------------------------------------ */

static void blink(void) {
    static uint8_t before;
    static uint16_t waited;
    uint8_t now = ticks;
    waited += (uint8_t)(now - before);
    before = now;
    if (waited < TICKS_PER_S / 4)
        return;
    waited = 0;
    if (!blinks)
        return;
    if (--blinks & 1)
        PORTB |= _BV(LED);
    else
        PORTB &= (uint8_t)~_BV(LED);
}

int main(void) {
    alarms = RESET | (MCUSR & _BV(WDRF) ? HUNG : 0);
    MCUSR = 0;
    wdt_enable(WDTO_250MS); /* longer than writing a tag takes, 16 times 3.4 ms */
    DDRD = _BV(STEP) | _BV(DIRECTION);
    DDRB = _BV(ENABLE) | _BV(LED);
    PORTD = _BV(DIRECTION);
    PORTC = _BV(STOP_KEY) | _BV(STALL); /* pull-ups */
    serial = eeprom_read_dword(&stored_serial);
    address = eeprom_read_byte(&stored_address);

    TCCR1B = _BV(WGM12) | _BV(CS10);
    OCR1A = F_CPU / TICKS_PER_S - 1;
    TIMSK1 = _BV(OCIE1A);
    UCSR0A = _BV(U2X0);
    UBRR0 = F_CPU / 8 / 38400 - 1; /* 38462 baud, 0.2 % fast */
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
    sei();
    for (uint8_t seen = 0;;) {
        if (seen != ticks) { /* the chip resets when this loop hangs, and when the timer no longer ticks */
            seen = ticks;
            wdt_reset();
        }
        if (request_ready && !reply_length) {
            answer();
            request_ready = false;
        }
        blink();
        sleep_mode(); /* until the next interrupt, at most one tick */
    }
}
