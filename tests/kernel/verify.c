/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify OBJECT...: whether this kernel's verifier takes the programs, how much of its limit of a million
 * instructions they cost it (Linux, BPF_COMPLEXITY_LIMIT_INSNS), and its last words where it refuses. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define LOG_BYTES \
	(200u << 20) /* a log of every instruction of every path; kernels before 6.4 want all of it */
#define SHOWN_LINES 100

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/** @return start of the last lines of a text */
static const char *last_lines(const char *text, unsigned count)
{
	const char *at = text + strlen(text);
	while (at > text && count) {
		at--;
		count -= at > text && at[-1] == '\n';
	}
	return at;
}

static void print_comment(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		printf("# %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/** @return 0 or -errno, with the log of what the verifier did */
static int load(const char *path, char *log, unsigned level)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log, .kernel_log_size = LOG_BYTES,
		.kernel_log_level = level);
	struct bpf_object *object = bpf_object__open_file(path, &options);
	if (!object)
		return -1;
	*log = '\0';
	int error = bpf_object__load(object);
	bpf_object__close(object);
	return error;
}

int main(int argc, char **argv)
{
	int failed = 0;
	char *log = mmap(
		NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (log == MAP_FAILED || argc < 2)
		return 2;
	libbpf_set_print(quiet);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
		int error = load(argv[i], log, 4); /* statistics only */
		if (error)
			error = load(argv[i], log, 1 | 4);
		failed += error != 0;
		printf("%s %d - the verifier takes %s\n", error ? "not ok" : "ok", i, name);
		if (error)
			printf("# %s, the last of %zu bytes of log:\n", strerror(-error), strlen(log));
		print_comment(last_lines(log, error ? SHOWN_LINES : 3));
	}
	return failed ? 1 : 0;
}
