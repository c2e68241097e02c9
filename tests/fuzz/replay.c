/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over its corpus, without libFuzzer: the part of fuzzing that `make check` does
 */

/*
 * The program's name says the target: replay_name runs fuzz_name.c over the files of corpus/name/.
 * The targets that read what comes from the network get every line of golden.txt and
 * bad_inputs.txt, too, whole and from where their part of the message begins; a part that begins
 * elsewhere is merely one more bad input. The fuzzer gets the same as seeds: --seeds writes them
 * into a folder.
 */

#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/* An endless loop ends here; all inputs of a target take seconds, even under sanitizers. */
#define REPLAY_SECONDS_MAX 120
#define REPLAY_SIZE_MAX    (1u << 20)
#define REPLAY_NAME_MAX    64

/* The whole; the name of an NS message; both names of a datagram; the SMB inside. */
static const size_t PARTS[] = {0, 12, 14, 48, 82};

static const char *const WITH_LINES[] = {"datagram", "name", "transaction", "ns_message"};

struct replay
{
    const char *target;
    const char *seeds; /* a folder to write to instead of running, or NULL */
    unsigned int n;
};

static int replay_write(const struct replay *replay, const char *name, const void *bytes,
                        size_t size)
{
    char path[PATH_MAX];
    FILE *file;
    bool good;

    snprintf(path, sizeof(path), "%s/%s", replay->seeds, name);
    file = fopen(path, "wb");
    if (!file)
    {
        return -errno;
    }
    good = fwrite(bytes, 1, size, file) == size;
    good = fclose(file) == 0 && good;
    return good ? 0 : -EIO;
}

/* The name is shown when the input turns out to be bad, so it comes first. */
static int replay_input(struct replay *replay, const char *name, const uint8_t *bytes, size_t size)
{
    uint8_t *copy;

    replay->n++;
    if (replay->seeds)
    {
        return replay_write(replay, name, bytes, size);
    }
    printf("%s\n", name);
    fflush(stdout);
    copy = malloc(size ? size : 1);
    if (!copy)
    {
        return -ENOMEM;
    }
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int replay_file(struct replay *replay, const char *path)
{
    static uint8_t bytes[REPLAY_SIZE_MAX];
    const char *name = strrchr(path, '/');
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file)
    {
        return -errno;
    }
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return replay_input(replay, name ? name + 1 : path, bytes, size);
}

static int replay_folder(struct replay *replay, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), r = 0;

    if (n < 0)
    {
        return -errno;
    }
    for (int i = 0; i < n; i++)
    {
        char *path = NULL;

        if (entries[i]->d_name[0] != '.' && !r)
        {
            r = asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0
                    ? -ENOMEM
                    : replay_file(replay, path);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return r;
}

/* "[port] name hex": the last word is the message, the one before it the name. */
static int replay_line(struct replay *replay, char *line)
{
    static uint8_t bytes[REPLAY_SIZE_MAX];
    char *hex = strrchr(line, ' '), *name, text[REPLAY_NAME_MAX + 16];
    unsigned int byte;
    size_t size = 0;
    int r = 0;

    if (!hex)
    {
        return -EINVAL;
    }
    *hex++ = 0;
    name = strrchr(line, ' ');
    name = name ? name + 1 : line;
    while (size < sizeof(bytes) && sscanf(hex, "%2x", &byte) == 1)
    {
        bytes[size++] = (uint8_t)byte;
        hex += 2;
    }
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]) && !r; i++)
    {
        if (PARTS[i] <= size)
        {
            snprintf(text, sizeof(text), "%.*s-from-%zu", REPLAY_NAME_MAX, name, PARTS[i]);
            r = replay_input(replay, text, bytes + PARTS[i], size - PARTS[i]);
        }
    }
    return r;
}

static int replay_lines(struct replay *replay, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    int r = 0;

    if (!file)
    {
        return -errno;
    }
    while (!r && getline(&line, &capacity, file) > 0)
    {
        r = replay_line(replay, line);
    }
    free(line);
    fclose(file);
    return r;
}

/* $srcdir is set by automake's test driver; by hand, run from the top of the tree. */
static int replay_all(struct replay *replay)
{
    const char *top = getenv("srcdir");
    char path[PATH_MAX];
    int r;

    top = top ? top : ".";
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top, replay->target);
    r = replay_folder(replay, path);
    for (size_t i = 0; i < sizeof(WITH_LINES) / sizeof(WITH_LINES[0]) && !r; i++)
    {
        if (strcmp(replay->target, WITH_LINES[i]) == 0)
        {
            snprintf(path, sizeof(path), "%s/tests/data/golden.txt", top);
            r = replay_lines(replay, path);
            snprintf(path, sizeof(path), "%s/tests/data/bad_inputs.txt", top);
            r = r ? r : replay_lines(replay, path);
        }
    }
    if (r)
    {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
    }
    return r;
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "replay_");
    struct replay replay = {.target = name ? name + strlen("replay_") : "?"};
    int r = 0;

    alarm(REPLAY_SECONDS_MAX);
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
    {
        replay.seeds = argv[2];
        r = replay_all(&replay);
    }
    else if (argc > 1)
    {
        for (int i = 1; i < argc && !r; i++)
        {
            r = replay_file(&replay, argv[i]);
        }
    }
    else
    {
        r = replay_all(&replay);
    }
    if (!r && replay.n == 0)
    {
        fprintf(stderr, "no input for %s\n", replay.target);
        r = -ENOENT;
    }
    printf("%u inputs\n", replay.n);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
