// What the side process of a node (patronusctl backup run) and the node tell each other: two small files in a
// directory beside the database. The side process writes how far the backup has come; the node writes what it
// was asked for. Each is replaced whole, is bounded, and is read strictly: what is not exactly this counts as
// damaged, and as nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "io/backup/shipping.h"

namespace patronus::backup {

// Of one target.
struct TargetReport {
  std::string name;
  std::string url;
  std::string generation;              // Litestream's; empty: none yet
  std::optional<LogPosition> replica;  // how far it has the generation's log
  int64_t covered_ms = 0;              // Unix time up to which it has everything; 0: not known
  uint64_t state_revision = 0;         // of the last state artefact put there; 0: none
  int64_t state_ms = 0;
  std::string state_fault;  // why the last one could not be put there; empty: it could, or none is due

  friend bool operator==(const TargetReport&, const TargetReport&) = default;
};

// What verifying one target's copy came to.
struct VerifyReport {
  std::string target;
  bool ok = false;
  int64_t at_ms = 0;
  uint64_t revision = 0;  // of the copy
  uint64_t rows = 0;      // in all of its tables
  std::string detail;     // in words: what was compared, or what is wrong

  friend bool operator==(const VerifyReport&, const VerifyReport&) = default;
};

struct Report {
  std::string node;
  std::string cluster;  // 32 digits; empty: the database does not say yet
  int64_t at_ms = 0;
  bool runs = false;   // Litestream does
  std::string detail;  // what is waited for, or wrong; empty if all is well
  LogPosition shadow;
  std::vector<TargetReport> targets;
  std::vector<VerifyReport> verified;  // of each target, the latest; none before the first
  // The last requests that came to an end.
  uint64_t now_done = 0;
  int64_t now_ms = 0;     // up to which moment every target has everything since
  std::string now_fault;  // why it does not; empty: it does
  uint64_t verify_done = 0;

  friend bool operator==(const Report&, const Report&) = default;
};

// What putting a state artefact to one target came to.
struct StatePut {
  std::string target;
  uint64_t revision = 0;  // 0: there was nothing to put yet
  std::string fault;      // empty: it is there

  friend bool operator==(const StatePut&, const StatePut&) = default;
};

// Numbers that only grow; the side process acts when one has changed.
struct Requests {
  uint64_t now = 0;
  uint64_t verify = 0;

  friend bool operator==(const Requests&, const Requests&) = default;
};

// The directory, and its files.
[[nodiscard]] std::string mailbox_of(const std::string& database);
[[nodiscard]] std::string report_path(const std::string& mailbox);
[[nodiscard]] std::string requests_path(const std::string& mailbox);

// JSON, at most kBackupReportBytesMax of it: texts that would make it longer are cut.
[[nodiscard]] std::string encode(const Report& report);
[[nodiscard]] std::string encode(const Requests& requests);
// Nothing if the text is not exactly one.
[[nodiscard]] std::optional<Report> decode_report(std::string_view text);
[[nodiscard]] std::optional<Requests> decode_requests(std::string_view text);

// How the processes that the side process starts tell it what they came to.
[[nodiscard]] std::string encode(const std::vector<VerifyReport>& verified);
[[nodiscard]] std::string encode(const std::vector<StatePut>& puts);
[[nodiscard]] std::optional<std::vector<VerifyReport>> decode_verified(std::string_view text);
[[nodiscard]] std::optional<std::vector<StatePut>> decode_puts(std::string_view text);

}  // namespace patronus::backup
