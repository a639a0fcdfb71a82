#include "io/auth/key_ring.h"

#include "io/auth/refresh_token.h"

namespace patronus::auth {
namespace {

// What was wrapped as one key does not unwrap as another.
std::string place_of(const std::string& kid) { return "signing-key:" + kid; }

}  // namespace

const KeyRing::Signer* KeyRing::signer(const Accounts& accounts) {
  const SigningKey* active = accounts.active_key();
  if (active == nullptr || active->id == locked_kid_) return nullptr;
  if (open_ && open_->kid == active->id) return &*open_;
  open_.reset();
  std::optional<std::string> key = crypto_.unwrap(active->wrapped_private_key, place_of(active->id));
  if (!key) {
    locked_kid_ = active->id;
    return nullptr;
  }
  open_ = Signer{active->id, std::move(*key)};
  return &*open_;
}

AddSigningKeyOp KeyRing::make_key(const Accounts& accounts) {
  const SigningKey* active = accounts.active_key();
  const std::string kid = new_id(crypto_);
  const KeyPair pair = crypto_.make_signing_key();
  return {kid, pair.public_key, crypto_.wrap(pair.private_key, place_of(kid)),
          active == nullptr ? std::string() : active->id};
}

}  // namespace patronus::auth
