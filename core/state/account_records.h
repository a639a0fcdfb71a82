// Users, sessions and signing keys as bytes: one encoding for the rows they are kept in and for the state's
// hash, so that the hash covers all that a row holds.
#pragma once

#include <vector>

#include "core/base/bytes.h"
#include "core/state/accounts.h"

namespace patronus {

// Everything but the id, which is the row's key.
void encode_record(Writer& out, const User& user);
void encode_record(Writer& out, const Session& session);
void encode_record(Writer& out, const SigningKey& key);

}  // namespace patronus
