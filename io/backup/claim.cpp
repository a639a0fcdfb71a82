#include "io/backup/claim.h"

#include <algorithm>

#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/json/writer.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

constexpr size_t kClaimBytesMax = 4096;

// A name that any target takes: a time has colons.
std::string object_of(std::string_view what) {
  std::string name = "restored-";
  for (const char c : what) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    name.push_back(is_plain ? c : '-');
  }
  return name;
}

}  // namespace

std::variant<std::optional<Claim>, std::string> read_claim(Objects& objects, const ClusterId& lost,
                                                           std::string_view what,
                                                           const std::string& scratch) {
  std::variant<Listing, std::string> listed = objects.list(lost.hex());
  if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
  const auto& there = std::get<Listing>(listed).objects;
  const std::string name = object_of(what);
  if (std::none_of(there.begin(), there.end(), [&](const Object& one) { return one.name == name; }))
    return std::optional<Claim>();
  const std::string file = scratch + "/claim";
  if (auto failed = objects.get(lost.hex() + "/" + name, file)) return std::move(*failed);
  std::variant<std::optional<std::string>, std::string> read = read_if_there(file, kClaimBytesMax);
  if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
  const std::string text = std::get<std::optional<std::string>>(read).value_or("");
  const std::variant<picojson::value, json::Error> parsed = json::parse(text, {.bytes_max = kClaimBytesMax});
  std::optional<ClusterId> cluster;
  Claim claim;
  if (const auto* value = std::get_if<picojson::value>(&parsed)) {
    json::Fields in(*value);
    cluster = parse_cluster_id(in.required_string("cluster"));
    claim.node = in.required_string("node");
    if (!in.finish()) cluster.reset();
  }
  if (!cluster) return lost.hex() + "/" + name + " at the target is damaged; remove it to restore once more";
  claim.cluster = *cluster;
  return std::optional(claim);
}

std::optional<std::string> write_claim(Objects& objects, const ClusterId& lost, std::string_view what,
                                       const Claim& claim, const std::string& scratch) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("cluster", claim.cluster.hex()).field("node", claim.node).finish();
  if (auto failed = replace_file(scratch, "claim", text)) return failed;
  return objects.put(lost.hex() + "/" + object_of(what), scratch + "/claim");
}

std::optional<std::string> remove_claim(Objects& objects, const ClusterId& lost, std::string_view what) {
  return objects.remove(lost.hex() + "/" + object_of(what));
}

}  // namespace patronus::backup
