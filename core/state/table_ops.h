// What may happen to the dashboard's tables, as it travels through the log. Ids are made by the node that
// took the request; times are the entries' stamps.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/types.h"

namespace patronus {

// Where a site can be reached: the address of its probe responder, on one of its lines.
struct SiteEndpoint {
  std::string address;         // host:port, of UDP; unique within the site
  std::string interface_type;  // fiber, lte, …; as the user calls it
  uint64_t cost_per_gb_micros = 0;

  friend bool operator==(const SiteEndpoint&, const SiteEndpoint&) = default;
};
struct SiteFields {
  std::string name;  // unique among sites
  std::vector<SiteEndpoint> endpoints;
  uint32_t key_generation = 1;  // of the key that its responder proves itself with

  friend bool operator==(const SiteFields&, const SiteFields&) = default;
};

enum class PathPreference : uint8_t { kScore = 1, kLatency = 2, kLoss = 3, kCost = 4 };
// How traffic goes from one site to another. The endpoints of both, each with each, are the policy's paths.
struct PolicyFields {
  std::string name;  // unique among policies
  bool enabled = true;
  std::string source_site;
  std::string destination_site;
  PathPreference prefer = PathPreference::kScore;
  std::optional<uint32_t> max_latency_us;
  std::optional<uint32_t> max_jitter_us;
  std::optional<uint32_t> max_loss_ppm;

  friend bool operator==(const PolicyFields&, const PolicyFields&) = default;
};

struct PutSiteOp {
  std::string id;
  bool create = false;  // the id must not exist; otherwise it must
  SiteFields fields;
  std::optional<Index> expected;  // mod_revision

  friend bool operator==(const PutSiteOp&, const PutSiteOp&) = default;
};
struct DeleteSiteOp {
  std::string id;
  std::optional<Index> expected;

  friend bool operator==(const DeleteSiteOp&, const DeleteSiteOp&) = default;
};
struct PutPolicyOp {
  std::string id;
  bool create = false;
  PolicyFields fields;
  std::optional<Index> expected;

  friend bool operator==(const PutPolicyOp&, const PutPolicyOp&) = default;
};
struct DeletePolicyOp {
  std::string id;
  std::optional<Index> expected;

  friend bool operator==(const DeletePolicyOp&, const DeletePolicyOp&) = default;
};

struct PathKey {
  std::string source_site;
  std::string source_endpoint;  // address
  std::string destination_site;
  std::string destination_endpoint;

  friend auto operator<=>(const PathKey&, const PathKey&) = default;
};

// What the leader's engine has found out. What it says of endpoints and paths that are no longer there is
// nothing.
struct EndpointVerdict {
  std::string site;
  std::string address;
  bool reachable = false;
  int64_t seen_wall_ms = 0;  // of its last answer; 0: never

  friend bool operator==(const EndpointVerdict&, const EndpointVerdict&) = default;
};
enum class PathStatus : uint8_t { kUp = 1, kDegraded = 2, kDown = 3 };
struct PathVerdict {
  PathKey key;
  PathStatus status = PathStatus::kDown;
  uint32_t latency_us = 0;
  uint32_t jitter_us = 0;
  uint32_t loss_ppm = 0;
  uint8_t score = 0;  // 0 to 100

  friend bool operator==(const PathVerdict&, const PathVerdict&) = default;
};
struct VerdictsOp {
  std::vector<EndpointVerdict> endpoints;
  std::vector<PathVerdict> paths;

  friend bool operator==(const VerdictsOp&, const VerdictsOp&) = default;
};

// From here on there are tables, of this schema: written once every member knows it. Before it nothing is
// audited.
struct OpenTablesOp {
  uint32_t schema = 0;

  friend bool operator==(const OpenTablesOp&, const OpenTablesOp&) = default;
};

using TableOp = std::variant<PutSiteOp, DeleteSiteOp, PutPolicyOp, DeletePolicyOp, VerdictsOp, OpenTablesOp>;

class Reader;
class Writer;
void encode(Writer& out, const TableOp& op);
// Refuses what is outside the limits through the reader.
[[nodiscard]] TableOp decode_table_op(Reader& in);

// Pieces that rows are made of as well.
void encode(Writer& out, const SiteFields& fields);
void encode(Writer& out, const PolicyFields& fields);
void encode(Writer& out, const PathKey& key);
void encode(Writer& out, const PathVerdict& verdict);
[[nodiscard]] SiteFields decode_site_fields(Reader& in);
[[nodiscard]] PolicyFields decode_policy_fields(Reader& in);
[[nodiscard]] PathKey decode_path_key(Reader& in);
[[nodiscard]] PathVerdict decode_path_verdict(Reader& in);

// Why these can't be a site's or policy's, or nothing: names, addresses, numbers; what others there are is
// for the log to judge. `field` names what is wrong.
struct FieldFault {
  std::string field;
  std::string reason;
};
[[nodiscard]] std::optional<FieldFault> fault_of(const SiteFields& fields);
[[nodiscard]] std::optional<FieldFault> fault_of(const PolicyFields& fields);

// 16 hexadecimal digits.
[[nodiscard]] std::string path_id(const PathKey& key);

}  // namespace patronus
