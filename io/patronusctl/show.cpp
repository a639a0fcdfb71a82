// patronusctl tls show.
#include <algorithm>
#include <ctime>

#include "io/json/writer.h"
#include "io/patronusctl/authority.h"
#include "io/patronusctl/exit_codes.h"
#include "io/tls/certificate.h"

namespace patronus::ctl {
namespace {

constexpr int64_t kDay = int64_t{24} * 60 * 60;
constexpr int64_t kSoonDays = 14;

struct Shown {
  std::string file;
  tls::CertificateInfo info;
  int64_t days_left = 0;  // rounded down; below zero once it has expired
  std::string status;     // "ok", "expires soon", "expired" or "not valid yet"
};

Shown look_at(const std::string& file, const X509* certificate, int64_t now) {
  Shown shown{file, tls::describe(certificate), 0, "ok"};
  const int64_t left = shown.info.not_after - now;
  shown.days_left = left >= 0 ? left / kDay : -((-left + kDay - 1) / kDay);
  if (left <= 0) {
    shown.status = "expired";
  } else if (shown.info.not_before > now) {
    shown.status = "not valid yet";
  } else if (left <= kSoonDays * kDay) {
    shown.status = "expires soon";
  }
  return shown;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "-" : text;
}

void print_table(const std::vector<Shown>& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [file, info, days_left, status] = all[i];
    if (i > 0) print_line("");
    print_rows({{"file", file},
                {"subject", info.subject},
                {"node", info.node.empty() ? "-" : info.node},
                {"names", joined(info.names)},
                {"issuer", info.issuer},
                {"serial", info.serial},
                {"key", info.key},
                {"authority", info.is_authority ? "yes" : "no"},
                {"not before", tls::format_time(info.not_before)},
                {"not after", tls::format_time(info.not_after)},
                {"days left", std::to_string(days_left)},
                {"status", status}});
  }
}

void print_json(const std::vector<Shown>& all) {
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("certificates");
  for (const Shown& one : all) {
    out.begin_object().field("file", one.file).field("subject", one.info.subject).key("node");
    if (one.info.node.empty()) {
      out.null();
    } else {
      out.value(one.info.node);
    }
    out.begin_array("names");
    for (const std::string& name : one.info.names) out.value(name);
    out.end().field("issuer", one.info.issuer).field("serial", one.info.serial).field("key", one.info.key);
    out.field("is_authority", one.info.is_authority);
    out.field("not_before", tls::format_time(one.info.not_before));
    out.field("not_after", tls::format_time(one.info.not_after));
    out.field("days_left", one.days_left).field("status", one.status).end();
  }
  out.finish();
  print_line(text);
}

}  // namespace

int show_certificates(const std::vector<std::string>& paths, Format format) {
  std::vector<Shown> all;
  int code = kOk;
  const int64_t now = std::time(nullptr);
  for (const std::string& path : paths) {
    const ReadFile file = read_small_file(path);
    const auto parsed = tls::parse_certificates(file.content);
    const auto* why = std::get_if<std::string>(&parsed);
    if (!file.error.empty() || why != nullptr) {
      print_error(file.error.empty() ? "'" + path + "' " + *why : file.error);
      code = kError;
      continue;
    }
    for (const tls::Certificate& one : std::get<std::vector<tls::Certificate>>(parsed)) {
      all.push_back(look_at(path, one.get(), now));
    }
  }
  if (format == Format::kJson) {
    print_json(all);
  } else {
    print_table(all);
  }
  if (code != kOk) return code;
  const bool sound = std::all_of(all.begin(), all.end(), [](const Shown& one) { return one.status == "ok"; });
  return sound ? kOk : kDegraded;
}

}  // namespace patronus::ctl
