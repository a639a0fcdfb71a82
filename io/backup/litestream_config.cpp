#include "io/backup/litestream_config.h"

#include "io/config/duration.h"

namespace patronus::backup {
namespace {

// A YAML string in double quotes. What could end it early is not in here (see parse_target), but a path may
// be anything.
std::string yaml_quoted(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      out += {'\\', 'x', kHex[code >> 4U], kHex[code & 15U]};
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

void add(std::string& out, std::string_view key, std::string_view value) {
  out += "        " + std::string(key) + ": " + std::string(value) + "\n";
}

void add_replica(std::string& out, const Target& target, const std::string& path) {
  out += "      - name: " + yaml_quoted(target.name) + "\n";
  add(out, "type", word_of(target.kind));
  if (target.kind == TargetKind::kAzure) add(out, "account-name", yaml_quoted(target.account));
  if (target.kind != TargetKind::kFile) add(out, "bucket", yaml_quoted(target.bucket));
  add(out, "path", yaml_quoted(path_below(target, path)));
  if (!target.endpoint.empty()) add(out, "endpoint", yaml_quoted(target.endpoint));
  if (!target.region.empty()) add(out, "region", yaml_quoted(target.region));
  if (target.force_path_style) add(out, "force-path-style", "true");
  add(out, "retention", format_duration(target.retention));
  add(out, "snapshot-interval", format_duration(target.snapshot_interval));
  add(out, "sync-interval", format_duration(target.sync_interval));
}

}  // namespace

std::string render(const LitestreamConfig& config) {
  std::string out =
      "# Litestream " + std::string(kLitestreamVersion) +
      " (litestream/litestream:" + std::string(kLitestreamVersion) +
      "), made by patronusctl render litestream.\n"
      "# Secrets are not in here: LITESTREAM_ACCESS_KEY_ID and LITESTREAM_SECRET_ACCESS_KEY (S3),\n"
      "# LITESTREAM_AZURE_ACCOUNT_KEY (Azure), GOOGLE_APPLICATION_CREDENTIALS (GCS).\n";
  if (!config.metrics_addr.empty()) out += "addr: " + yaml_quoted(config.metrics_addr) + "\n";
  out += "dbs:\n  - path: " + yaml_quoted(config.database) + "\n    replicas:\n";
  for (const Target& target : config.targets) add_replica(out, target, config.path);
  return out;
}

}  // namespace patronus::backup
