#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/state/expected_codec.h"
#include "core/state/table_ops.h"

namespace patronus {
namespace {

using namespace limits;

void put_optional(Writer& out, const std::optional<uint32_t>& value) {
  out.boolean(value.has_value());
  if (value) out.u32(*value);
}

std::optional<uint32_t> get_optional(Reader& in) {
  if (!in.boolean()) return std::nullopt;
  return in.u32();
}

enum class Kind : uint8_t {
  kPutSite = 1,
  kDeleteSite = 2,
  kPutPolicy = 3,
  kDeletePolicy = 4,
  kVerdicts = 5,
  kOpenTables = 6
};

template <typename Op>
void put_record(Writer& out, Kind kind, const Op& op) {
  out.u8(static_cast<uint8_t>(kind));
  out.bytes(op.id);
  out.boolean(op.create);
  encode(out, op.fields);
  put_expected(out, op.expected);
}

template <typename Op>
void put_deletion(Writer& out, Kind kind, const Op& op) {
  out.u8(static_cast<uint8_t>(kind));
  out.bytes(op.id);
  put_expected(out, op.expected);
}

void put(Writer& out, const PutSiteOp& op) { put_record(out, Kind::kPutSite, op); }
void put(Writer& out, const DeleteSiteOp& op) { put_deletion(out, Kind::kDeleteSite, op); }
void put(Writer& out, const PutPolicyOp& op) { put_record(out, Kind::kPutPolicy, op); }
void put(Writer& out, const DeletePolicyOp& op) { put_deletion(out, Kind::kDeletePolicy, op); }

void put(Writer& out, const VerdictsOp& op) {
  out.u8(static_cast<uint8_t>(Kind::kVerdicts));
  out.u32(static_cast<uint32_t>(op.endpoints.size()));
  for (const EndpointVerdict& verdict : op.endpoints) {
    out.bytes(verdict.site);
    out.bytes(verdict.address);
    out.boolean(verdict.reachable);
    out.i64(verdict.seen_wall_ms);
  }
  out.u32(static_cast<uint32_t>(op.paths.size()));
  for (const PathVerdict& verdict : op.paths) encode(out, verdict);
}

void put(Writer& out, const OpenTablesOp& op) {
  out.u8(static_cast<uint8_t>(Kind::kOpenTables));
  out.u32(op.schema);
}

VerdictsOp get_verdicts(Reader& in) {
  VerdictsOp op;
  op.endpoints.resize(in.count(kVerdictsPerEntryMax, 17));
  for (EndpointVerdict& verdict : op.endpoints) {
    verdict.site = in.text(kTableIdBytesMax);
    verdict.address = in.text(kEndpointAddressBytesMax);
    verdict.reachable = in.boolean();
    verdict.seen_wall_ms = in.i64();
  }
  op.paths.resize(in.count(kVerdictsPerEntryMax, 30));
  for (PathVerdict& verdict : op.paths) verdict = decode_path_verdict(in);
  return op;
}

}  // namespace

void encode(Writer& out, const SiteFields& fields) {
  out.bytes(fields.name);
  out.u32(static_cast<uint32_t>(fields.endpoints.size()));
  for (const SiteEndpoint& endpoint : fields.endpoints) {
    out.bytes(endpoint.address);
    out.bytes(endpoint.interface_type);
    out.u64(endpoint.cost_per_gb_micros);
  }
  out.u32(fields.key_generation);
}

SiteFields decode_site_fields(Reader& in) {
  SiteFields fields;
  fields.name = in.text(kTableNameBytesMax);
  fields.endpoints.resize(in.count(kSiteEndpointsMax, 16));
  for (SiteEndpoint& endpoint : fields.endpoints) {
    endpoint.address = in.text(kEndpointAddressBytesMax);
    endpoint.interface_type = in.text(kInterfaceTypeBytesMax);
    endpoint.cost_per_gb_micros = in.u64();
  }
  fields.key_generation = in.u32();
  return fields;
}

void encode(Writer& out, const PolicyFields& fields) {
  out.bytes(fields.name);
  out.boolean(fields.enabled);
  out.bytes(fields.source_site);
  out.bytes(fields.destination_site);
  out.u8(static_cast<uint8_t>(fields.prefer));
  put_optional(out, fields.max_latency_us);
  put_optional(out, fields.max_jitter_us);
  put_optional(out, fields.max_loss_ppm);
}

PolicyFields decode_policy_fields(Reader& in) {
  PolicyFields fields;
  fields.name = in.text(kTableNameBytesMax);
  fields.enabled = in.boolean();
  fields.source_site = in.text(kTableIdBytesMax);
  fields.destination_site = in.text(kTableIdBytesMax);
  fields.prefer = in.enumerated<PathPreference>(4);
  fields.max_latency_us = get_optional(in);
  fields.max_jitter_us = get_optional(in);
  fields.max_loss_ppm = get_optional(in);
  return fields;
}

void encode(Writer& out, const PathKey& key) {
  out.bytes(key.source_site);
  out.bytes(key.source_endpoint);
  out.bytes(key.destination_site);
  out.bytes(key.destination_endpoint);
}

PathKey decode_path_key(Reader& in) {
  PathKey key;
  key.source_site = in.text(kTableIdBytesMax);
  key.source_endpoint = in.text(kEndpointAddressBytesMax);
  key.destination_site = in.text(kTableIdBytesMax);
  key.destination_endpoint = in.text(kEndpointAddressBytesMax);
  return key;
}

void encode(Writer& out, const PathVerdict& verdict) {
  encode(out, verdict.key);
  out.u8(static_cast<uint8_t>(verdict.status));
  out.u32(verdict.latency_us);
  out.u32(verdict.jitter_us);
  out.u32(verdict.loss_ppm);
  out.u8(verdict.score);
}

PathVerdict decode_path_verdict(Reader& in) {
  PathVerdict verdict;
  verdict.key = decode_path_key(in);
  verdict.status = in.enumerated<PathStatus>(3);
  verdict.latency_us = in.u32();
  verdict.jitter_us = in.u32();
  verdict.loss_ppm = in.u32();
  verdict.score = in.u8();
  if (verdict.loss_ppm > 1'000'000 || verdict.score > 100) in.fail();
  return verdict;
}

void encode(Writer& out, const TableOp& op) {
  std::visit([&](const auto& concrete) { put(out, concrete); }, op);
}

TableOp decode_table_op(Reader& in) {
  switch (static_cast<Kind>(in.u8())) {
    case Kind::kPutSite: {
      PutSiteOp op;
      op.id = in.text(kTableIdBytesMax);
      op.create = in.boolean();
      op.fields = decode_site_fields(in);
      op.expected = get_expected(in);
      return op;
    }
    case Kind::kDeleteSite: {
      DeleteSiteOp op;
      op.id = in.text(kTableIdBytesMax);
      op.expected = get_expected(in);
      return op;
    }
    case Kind::kPutPolicy: {
      PutPolicyOp op;
      op.id = in.text(kTableIdBytesMax);
      op.create = in.boolean();
      op.fields = decode_policy_fields(in);
      op.expected = get_expected(in);
      return op;
    }
    case Kind::kDeletePolicy: {
      DeletePolicyOp op;
      op.id = in.text(kTableIdBytesMax);
      op.expected = get_expected(in);
      return op;
    }
    case Kind::kVerdicts:
      return get_verdicts(in);
    case Kind::kOpenTables:
      return OpenTablesOp{in.u32()};
  }
  in.fail();
  return OpenTablesOp{};
}

std::string path_id(const PathKey& key) {
  std::string bytes;
  Writer out(bytes);
  encode(out, key);
  return to_hex(hash64(bytes));
}

}  // namespace patronus
