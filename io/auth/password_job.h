// What is asked of whoever hashes passwords, and what comes back: the same for production's threads
// (password_workers.h) and for a simulated world.
#pragma once

#include <cstdint>
#include <string>

namespace patronus::auth {

enum class PasswordTask : uint8_t { kHash, kVerify };

struct PasswordJob {
  uint64_t id = 0;  // the asker's, given back with the result
  PasswordTask task = PasswordTask::kVerify;
  std::string password;
  std::string stored;  // to verify against; not used for hashing
};

enum class PasswordOutcome : uint8_t {
  kDone,     // hashed, or the password matches
  kDiffers,  // verified, and it doesn't match
  kFailed,   // could not be computed for want of memory: neither a right nor a wrong password
};

struct PasswordDone {
  uint64_t id = 0;
  PasswordOutcome outcome = PasswordOutcome::kFailed;
  std::string hash;  // the stored form, of a hash that is done
};

}  // namespace patronus::auth
