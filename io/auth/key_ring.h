// The cluster's signing keys, opened with the cluster secret as they are needed.
#pragma once

#include <optional>
#include <string>

#include "core/state/accounts.h"
#include "io/auth/crypto.h"

namespace patronus::auth {

class KeyRing {
 public:
  explicit KeyRing(Crypto& crypto) : crypto_(crypto) {}

  struct Signer {
    std::string kid;
    std::string private_key;
  };
  // The key that signs now; null if there is none, or it can't be opened: this node's cluster secret is then
  // not the cluster's. Lives until the next call.
  [[nodiscard]] const Signer* signer(const Accounts& accounts);
  // True if there is a key and it can't be opened.
  [[nodiscard]] bool is_locked(const Accounts& accounts) {
    return accounts.active_key() != nullptr && signer(accounts) == nullptr;
  }

  // A new key to follow the active one, wrapped for replication.
  [[nodiscard]] AddSigningKeyOp make_key(const Accounts& accounts);

 private:
  Crypto& crypto_;
  std::optional<Signer> open_;
  std::string locked_kid_;  // tried in vain: not tried again
};

}  // namespace patronus::auth
