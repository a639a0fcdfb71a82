// What clients want written, as it travels through the log, and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"
#include "core/state/account_ops.h"
#include "core/state/member_ops.h"
#include "core/state/restore_ops.h"
#include "core/state/table_ops.h"

namespace patronus {

// Which node's which write this is: a write that comes through the log twice is applied once.
struct Origin {
  Incarnation incarnation;
  uint64_t sequence = 0;
  uint64_t resolved_below = 0;  // the origin waits for none of its writes below this

  friend bool operator==(const Origin&, const Origin&) = default;
};

// A client's own name for a write, so that it can be repeated after an answer was lost.
struct IdempotencyKey {
  std::string user;  // the scope; empty without accounts
  std::string key;
  uint64_t body_hash = 0;  // of the whole request: the same key for something else is refused

  friend bool operator==(const IdempotencyKey&, const IdempotencyKey&) = default;
};

// Of a write to one key: its mod_revision must be this. Index 0: the key must not exist.
using Expected = std::optional<Index>;

struct PutOp {
  std::string ns;
  std::string key;
  Blob value;
  std::string content_type;
  Expected expected;

  friend bool operator==(const PutOp&, const PutOp&) = default;
};
struct DeleteOp {
  std::string ns;
  std::string key;
  Expected expected;

  friend bool operator==(const DeleteOp&, const DeleteOp&) = default;
};

enum class CompareTarget : uint8_t { kExists = 1, kVersion = 2, kModRevision = 3, kValue = 4 };
enum class CompareRelation : uint8_t { kEqual = 1, kNotEqual = 2, kLess = 3, kGreater = 4 };
struct Compare {
  std::string key;
  CompareTarget target = CompareTarget::kExists;
  CompareRelation relation = CompareRelation::kEqual;
  uint64_t number =
      0;       // version, mod_revision, or for exists 0 or 1; an absent key has version and revision 0
  Blob value;  // compared byte by byte; an absent key has no value and equals none

  friend bool operator==(const Compare&, const Compare&) = default;
};

enum class StepKind : uint8_t { kPut = 1, kGet = 2, kDelete = 3, kDeletePrefix = 4 };
struct BatchStep {
  StepKind kind = StepKind::kGet;
  std::string key;  // for delete_prefix the prefix
  Blob value;
  std::string content_type;

  friend bool operator==(const BatchStep&, const BatchStep&) = default;
};
struct BatchOp {
  std::string ns;
  std::vector<Compare> compare;
  std::vector<BatchStep> then;
  std::optional<std::vector<BatchStep>> otherwise;  // without it a failed comparison is a conflict

  friend bool operator==(const BatchOp&, const BatchOp&) = default;
};

using WriteOp = std::variant<PutOp, DeleteOp, BatchOp, AccountOp, MemberOp, RestoreOp, TableOp>;

// On whose behalf a client's write is done: checked by the node that took it, and again when it is applied.
struct Authority {
  std::string session;
  std::string user;
  UserRole role = UserRole::kViewer;  // that the write requires

  friend bool operator==(const Authority&, const Authority&) = default;
};

struct Command {
  Origin origin;
  std::optional<IdempotencyKey> idempotency;
  WriteOp op;
  std::optional<Authority> authority = std::nullopt;  // nothing: the system's own, or checked by other means

  friend bool operator==(const Command&, const Command&) = default;
};

[[nodiscard]] std::string encode_command(const Command& command);
// Nothing if the bytes are not exactly one command within the limits.
// The layout of a command's bytes if it is one that this version does not know; nothing if it does.
[[nodiscard]] std::optional<uint8_t> unknown_command_version(std::string_view bytes);
[[nodiscard]] std::optional<Command> decode_command(std::string_view bytes);
// Only the origin, which comes first in the encoding; for those who forward.
[[nodiscard]] std::optional<Origin> decode_origin(std::string_view bytes);

// Only what it wants of the membership, if that is what it is about; for a leader that guards the majority.
[[nodiscard]] std::optional<MemberOp> decode_membership(std::string_view bytes);

// One key's value with its history in numbers.
struct Record {
  Blob value;
  std::string content_type;
  Index create_revision;
  Index mod_revision;
  uint64_t version = 0;  // 1 when created, counted up by every put

  friend bool operator==(const Record&, const Record&) = default;
};

enum class Outcome : uint8_t {
  kOk = 1,
  kNotFound = 2,
  kPreconditionFailed = 3,  // expected another mod_revision
  kCompareFailed = 4,
  kQuotaExceeded = 5,
  kKeyReused = 6,      // the idempotency key was used for another request
  kKeyCapReached = 7,  // the user's kept keys are at their cap
  kTooLarge = 8,       // the batch touches or returns more than its limits
  kRefused = 9,        // malformed, or outside its origin's window: was not applied
  kUnauthorized = 10,  // the session or its user is no longer there
  kForbidden = 11,     // the user's role does not allow it
  kEmailTaken = 12,
  kLastAdmin = 13,     // nobody would be left to administer
  kInitDone = 14,      // there are users already
  kLimitReached = 15,  // of users, sessions or keys
  kTokenReused = 16,   // a refresh token of an earlier generation: its session has ended
  kSuperseded = 17,    // another refresh came in between; the session stands
  // By the log or by the leader at once: without that node those who are left could not serve.
  kWouldBreakQuorum = 18,
  kLeads = 19,  // by the leader: that node is itself
  // Of restores (core/state/staging.h).
  kRestoreUnderWay = 20,
  kRestoreLeft = 21,
  kRestoreOver = 22,
  kOutOfOrder = 23,
  kMismatch = 24,
  // Of the dashboard's tables (core/state/tables.h).
  kExists = 25,
  kNameTaken = 26,
  kInUse = 27,
  kNoSuchSite = 28,
  // Never in the log; given by the node that waits.
  kNoLeader = 40,      // nothing was sent: not applied
  kMaybeApplied = 41,  // not known in time
  kBusy = 42,          // refused at a limit: not applied
  kFull = 43,          // the log is full: not applied
  kTooOld = 44,        // some node's version would not understand it: not applied
};

struct StepResult {
  StepKind kind = StepKind::kGet;
  std::string key;
  std::optional<Record> record;  // put: the new one without value and type; get: the one found
  uint64_t deleted = 0;

  friend bool operator==(const StepResult&, const StepResult&) = default;
};

struct WriteResult {
  Outcome outcome = Outcome::kOk;
  Index revision;         // of the entry that applied it
  Record record;          // put: the new one without value and type; precondition: the one that was there
  bool created = false;   // put: the key is new
  bool succeeded = true;  // batch: the comparisons held
  uint32_t failed_compare = 0;
  std::vector<StepResult> steps;
  std::string id;              // accounts: of what was made or changed
  uint64_t number = 0;         // accounts: a session's generation, or how many ended; restores: of pieces
  bool maybe_applied = false;  // of a failure: the write may still come through the log. Never encoded

  friend bool operator==(const WriteResult&, const WriteResult&) = default;
};

// A write that changed nothing, and why.
[[nodiscard]] inline WriteResult refused(Outcome outcome) {
  WriteResult result;
  result.outcome = outcome;
  return result;
}

[[nodiscard]] std::string encode_result(const WriteResult& result);
[[nodiscard]] std::optional<WriteResult> decode_result(std::string_view bytes);

// Why a namespace or key may not be written by a client, or nothing if it may.
std::optional<std::string> namespace_fault(std::string_view ns);
std::optional<std::string> key_fault(std::string_view key);

}  // namespace patronus
