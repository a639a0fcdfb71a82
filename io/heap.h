// How the process's heap behaves where a single slow step counts.
#pragma once

namespace patronus {

// To be called once, before anything is allocated for long. Keeps the allocator from work that grows with
// what the process has ever freed, all of it in whichever call comes upon it (glibc; elsewhere this does
// nothing):
// - Small blocks that are freed are merged at once, not parked in "fast bins" and merged all together: after
// a checkpoint of
//   a million keys that stood the loop still for some 40 ms.
// - The heap's free end is not given back to the kernel, of which a step after a restore gave back hundreds
// of megabytes in
//   some 30 ms. So the process stays as large as it has been at most, for which its machine must have room
//   anyhow.
// - Blocks below 32 MiB are taken from the heap, where pages that were touched once stay so, and not mapped
// one by one.
void keep_heap_steps_short();

}  // namespace patronus
