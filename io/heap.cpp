#include "io/heap.h"

#include <climits>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace patronus {

void keep_heap_steps_short() {
#ifdef __GLIBC__
  (void)::mallopt(M_MXFAST, 0);
  (void)::mallopt(M_TRIM_THRESHOLD, INT_MAX);
  (void)::mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
#endif
}

}  // namespace patronus
