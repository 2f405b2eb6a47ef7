/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe OBJECT RELEASE: the least a kernel must do for the table tests: be that release, take a BPF object,
 * run it with the JIT, give back the frame it wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

static const char *object_path, *release;
static struct bpf_object *object;

static void is_release(void **state)
{
	(void)state;
	struct utsname name;
	assert_int_equal(uname(&name), 0);
	assert_memory_equal(name.release, release, strlen(release));
}

static void loads(void **state)
{
	(void)state;
	object = bpf_object__open_file(object_path, NULL);
	assert_non_null(object);
	assert_int_equal(bpf_object__load(object), 0);
}

static void is_compiled(void **state)
{
	(void)state;
	struct bpf_prog_info info = {0};
	uint32_t info_len = sizeof(info);
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, "probe"));
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &info_len), 0);
	assert_int_not_equal(info.jited_prog_len, 0);
}

static void runs(void **state)
{
	(void)state;
	uint8_t in[64] = {0}, out[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = sizeof(in), .data_out = out,
		.data_size_out = sizeof(out));
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, "probe"));
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(opts.retval, XDP_TX);
	assert_int_equal(opts.data_size_out, sizeof(in));
	assert_int_equal(out[0], 0xff);
}

static int set_down(void **state)
{
	(void)state;
	bpf_object__close(object);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	object_path = argv[1];
	release = argv[2];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_release),
		cmocka_unit_test(loads),
		cmocka_unit_test(is_compiled),
		cmocka_unit_test(runs),
	};
	return cmocka_run_group_tests(tests, NULL, set_down);
}
