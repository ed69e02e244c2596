/* How the engine reports errors: one call that fills the caller's struct adp_error and returns the
 * status, so that a failure is one statement: return adp_fail(err, ...). */
#ifndef ADP_ERROR_H
#define ADP_ERROR_H

#include <stdint.h>

#include "adpseal.h"

/* adp_fail fills |err| (NULL is allowed) with |status| and a message, wiping what it held, and
 * returns |status|. |path| may be NULL. The hint is the status's usual one (error.c has the table);
 * adp_error_hint gives a better. */
enum adp_status adp_fail(struct adp_error *err, enum adp_status status, const char *path,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* adp_fail_at is adp_fail with the offset in the file at which it is wrong. */
enum adp_status adp_fail_at(struct adp_error *err, enum adp_status status, const char *path,
                            uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* adp_fail_errno is adp_fail for a failed system call: |sys_errno| is a positive errno value, whose
 * text is added to the message; a hint is chosen for the common ones (ENOSPC, EACCES, ...). ENOMEM
 * is ADP_ERR_MEMORY, every other ADP_ERR_IO. */
enum adp_status adp_fail_errno(struct adp_error *err, int sys_errno, const char *path,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* adp_fail_memory is adp_fail for an allocation that failed. */
enum adp_status adp_fail_memory(struct adp_error *err);

/* adp_error_offset adds an offset in the file, adp_error_hint what the person can do; both return
 * |err|'s status (or |status| where |err| is NULL, so that they can end a return statement). */
enum adp_status adp_error_offset(struct adp_error *err, enum adp_status status, uint64_t offset);
enum adp_status adp_error_hint(struct adp_error *err, enum adp_status status, const char *format,
                               ...) __attribute__((format(printf, 3, 4)));

/* Analyzers see one file at a time, and have to be told that a failure is never ADP_OK: not by a
 * function, for they look into calls within calls so deep and no deeper. */
#ifdef ADP_ANALYZER
#    define adp_never_ok(call)            adp_never_ok_at(call, __COUNTER__)
#    define adp_never_ok_at(call, number) adp_never_ok_in(call, number)
#    define adp_never_ok_in(call, number) adp_never_ok_as(call, never_ok_##number)
#    define adp_never_ok_as(call, name)                                                            \
        __extension__({                                                                            \
            enum adp_status name = call;                                                           \
            if (name == ADP_OK)                                                                    \
                __builtin_unreachable();                                                           \
            name;                                                                                  \
        })
#    define adp_fail(...)        adp_never_ok(adp_fail(__VA_ARGS__))
#    define adp_fail_at(...)     adp_never_ok(adp_fail_at(__VA_ARGS__))
#    define adp_fail_errno(...)  adp_never_ok(adp_fail_errno(__VA_ARGS__))
#    define adp_fail_memory(err) adp_never_ok(adp_fail_memory(err))
#    define adp_error_hint(...)  adp_never_ok(adp_error_hint(__VA_ARGS__))
#endif

#endif
