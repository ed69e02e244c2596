/* What counts as the end of a transfer: answers that a test cannot get from the kernel at will. */
#include <errno.h>

#include "adp_test.h"
#include "transfer.h"

static struct adp_io_req req_of(enum adp_io_op op, size_t len, uint64_t offset)
{
    return (struct adp_io_req){.op = op, .len = len, .offset = offset};
}

static void test_goes_on(void)
{
    struct adp_io_req req = req_of(ADP_IO_READ, 100, 0);

    CU_ASSERT_EQUAL(adp_transfer_step(&req, -EINTR), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&req, -EAGAIN), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&req, 60), 0);
    CU_ASSERT_EQUAL(adp_transfer_next_len(&req, 1000), 40);
    CU_ASSERT_EQUAL(adp_transfer_next_len(&req, 7), 7);
    CU_ASSERT_EQUAL(adp_transfer_step(&req, -EINTR), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&req, 40), 1);
    CU_ASSERT_EQUAL(req.result, 100);
}

/* An error after half of the data is an error: half a file must not pass for a short one. */
static void test_error_after_a_part(void)
{
    struct adp_io_req req = req_of(ADP_IO_READ, 8192, 0);

    CU_ASSERT_EQUAL(adp_transfer_step(&req, 4096), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&req, -EIO), 1);
    CU_ASSERT_EQUAL(req.result, -EIO);
}

static void test_no_progress(void)
{
    struct adp_io_req read = req_of(ADP_IO_READ, 100, 0), write = req_of(ADP_IO_WRITE, 100, 0);

    CU_ASSERT_EQUAL(adp_transfer_step(&read, 30), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&read, 0), 1);
    CU_ASSERT_EQUAL(read.result, 30); /* end of file */
    CU_ASSERT_EQUAL(adp_transfer_step(&write, 30), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&write, 0), 1);
    CU_ASSERT_EQUAL(write.result, -EIO);
}

/* EINVAL ends a read only where a direct read can have met the end of file. */
static void test_direct_end(void)
{
    struct adp_io_req end = req_of(ADP_IO_READ, 8192, 4096), aligned = end, first = end;
    struct adp_io_req write = req_of(ADP_IO_WRITE, 8192, 4096);

    CU_ASSERT_EQUAL(adp_transfer_step(&end, 1000), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&end, -EINVAL), 1);
    CU_ASSERT_EQUAL(end.result, 1000);
    CU_ASSERT_EQUAL(adp_transfer_step(&aligned, 1024), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&aligned, -EINVAL), 1);
    CU_ASSERT_EQUAL(aligned.result, -EINVAL);
    CU_ASSERT_EQUAL(adp_transfer_step(&first, -EINVAL), 1);
    CU_ASSERT_EQUAL(first.result, -EINVAL);
    CU_ASSERT_EQUAL(adp_transfer_step(&write, 1000), 0);
    CU_ASSERT_EQUAL(adp_transfer_step(&write, -EINVAL), 1);
    CU_ASSERT_EQUAL(write.result, -EINVAL);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"goes on", test_goes_on},
        {"error after a part", test_error_after_a_part},
        {"no progress", test_no_progress},
        {"direct end of file", test_direct_end},
    };

    return adp_test_main("transfer", cases, sizeof(cases) / sizeof(cases[0]));
}
