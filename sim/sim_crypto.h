// The simulator's cryptography: what a seed decides, in place of what nobody can foretell; hashes in place of
// real work. It keeps the promises that the rest relies on (another key, another label, any changed byte is
// noticed) against accidents, not against anybody who looks.
#pragma once

#include "core/base/random.h"
#include "io/auth/crypto.h"

namespace patronus::sim {

class SimCrypto final : public auth::Crypto {
 public:
  // Nodes of one cluster share the secret; `seed` decides what this one draws.
  SimCrypto(std::string_view cluster_secret, uint64_t seed);

  [[nodiscard]] std::string random(size_t bytes) override;
  [[nodiscard]] auth::KeyPair make_signing_key() override;
  [[nodiscard]] std::string sign(std::string_view private_key, std::string_view bytes) override;
  [[nodiscard]] bool verify(std::string_view public_key, std::string_view bytes,
                            std::string_view signature) override;
  [[nodiscard]] std::string wrap(std::string_view plain, std::string_view associated) override;
  [[nodiscard]] std::optional<std::string> unwrap(std::string_view wrapped,
                                                  std::string_view associated) override;
  [[nodiscard]] std::string mac(std::string_view label, std::string_view bytes) override;

 private:
  uint64_t secret_;
  Random random_;
};

}  // namespace patronus::sim
