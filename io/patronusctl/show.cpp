// patronusctl tls show.
#include <algorithm>
#include <utility>

#include "io/json/writer.h"
#include "io/patronusctl/authority.h"
#include "io/patronusctl/authority_directory.h"
#include "io/patronusctl/validity.h"
#include "io/tls/certificate.h"
#include "io/tls/revocation.h"

namespace patronus::ctl {
namespace {

constexpr int64_t kSoonDays = 14;

// How long something still holds, and the word for that.
struct Remaining {
  int64_t days = 0;    // rounded down; below zero once it has expired
  std::string status;  // "ok", "expires soon", "expired", "not valid yet" or "revoked"
};

struct ShownCertificate {
  std::string file;
  tls::CertificateInfo info;
  Remaining remaining;
};

struct ShownList {
  std::string file;
  tls::RevocationInfo info;
  Remaining remaining;
};

struct Shown {
  std::vector<ShownCertificate> certificates;
  std::vector<ShownList> lists;
};

Remaining remaining(int64_t begins, int64_t ends, int64_t now) {
  const int64_t left = ends - now;
  Remaining result;
  result.days = left >= 0 ? left / kDay : -((-left + kDay - 1) / kDay);
  result.status = left <= 0                  ? "expired"
                  : begins > now             ? "not valid yet"
                  : left <= kSoonDays * kDay ? "expires soon"
                                             : "ok";
  return result;
}

// Adds what the file holds; why it can't be shown otherwise.
std::string look_at(const std::string& path, int64_t now, Shown& shown) {
  const ReadFile file = read_small_file(path);
  if (!file.error.empty()) return file.error;
  const bool has_list = file.content.find("-----BEGIN X509 CRL-----") != std::string::npos;
  if (has_list) {
    const auto lists = tls::parse_lists(file.content);
    if (const auto* why = std::get_if<std::string>(&lists)) return "'" + path + "' " + *why;
    for (const tls::Crl& one : std::get<std::vector<tls::Crl>>(lists)) {
      tls::RevocationInfo info = tls::describe(one.get());
      const Remaining left = remaining(info.this_update, info.next_update, now);
      shown.lists.push_back({path, std::move(info), left});
    }
    if (file.content.find("-----BEGIN CERTIFICATE-----") == std::string::npos) return "";
  }
  const auto certificates = tls::parse_certificates(file.content);
  if (const auto* why = std::get_if<std::string>(&certificates)) return "'" + path + "' " + *why;
  for (const tls::Certificate& one : std::get<std::vector<tls::Certificate>>(certificates)) {
    tls::CertificateInfo info = tls::describe(one.get());
    const Remaining left = remaining(info.not_before, info.not_after, now);
    shown.certificates.push_back({path, std::move(info), left});
  }
  return "";
}

// Certificates that are on one of the lists shown beside them.
void mark_revoked(Shown& shown) {
  for (ShownCertificate& one : shown.certificates) {
    for (const ShownList& list : shown.lists) {
      const bool listed =
          std::any_of(list.info.revoked.begin(), list.info.revoked.end(),
                      [&](const tls::RevokedCertificate& entry) { return entry.serial == one.info.serial; });
      if (listed && list.info.issuer == one.info.issuer) one.remaining.status = "revoked";
    }
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "-" : text;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

Rows rows_of(const ShownCertificate& one) {
  const tls::CertificateInfo& info = one.info;
  return {{"file", one.file},
          {"subject", info.subject},
          {"node", or_dash(info.node)},
          {"names", joined(info.names)},
          {"issuer", info.issuer},
          {"serial", info.serial},
          {"key", info.key},
          {"authority", info.is_authority ? "yes" : "no"},
          {"revocation", or_dash(info.crl_url)},
          {"not before", tls::format_time(info.not_before)},
          {"not after", tls::format_time(info.not_after)},
          {"days left", std::to_string(one.remaining.days)},
          {"status", one.remaining.status}};
}

Rows rows_of(const ShownList& one) {
  const tls::RevocationInfo& info = one.info;
  Rows rows{{"file", one.file},
            {"revokes for", info.issuer},
            {"number", info.number ? std::to_string(*info.number) : "-"},
            {"signed on", tls::format_time(info.this_update)},
            {"next due", tls::format_time(info.next_update)},
            {"days left", std::to_string(one.remaining.days)},
            {"status", one.remaining.status},
            {"revoked", std::to_string(info.revoked.size())}};
  for (const tls::RevokedCertificate& entry : info.revoked) {
    rows.emplace_back("", entry.serial + " on " + tls::format_time(entry.at));
  }
  return rows;
}

void print_as_table(const Shown& shown) {
  bool first = true;
  const auto print = [&first](const Rows& rows) {
    if (!std::exchange(first, false)) print_line("");
    print_rows(rows);
  };
  for (const ShownCertificate& one : shown.certificates) print(rows_of(one));
  for (const ShownList& one : shown.lists) print(rows_of(one));
}

void put_text_or_null(json::Writer& out, const char* name, const std::string& text) {
  out.key(name);
  if (text.empty()) {
    out.null();
  } else {
    out.value(text);
  }
}

void put_certificate(json::Writer& out, const ShownCertificate& one) {
  const tls::CertificateInfo& info = one.info;
  out.begin_object().field("file", one.file).field("subject", info.subject);
  put_text_or_null(out, "node", info.node);
  out.begin_array("names");
  for (const std::string& name : info.names) out.value(name);
  out.end().field("issuer", info.issuer).field("serial", info.serial).field("key", info.key);
  out.field("is_authority", info.is_authority);
  put_text_or_null(out, "crl_url", info.crl_url);
  out.field("not_before", tls::format_time(info.not_before));
  out.field("not_after", tls::format_time(info.not_after));
  out.field("days_left", one.remaining.days).field("status", one.remaining.status).end();
}

void put_list(json::Writer& out, const ShownList& one) {
  const tls::RevocationInfo& info = one.info;
  out.begin_object().field("file", one.file).field("issuer", info.issuer).key("number");
  if (info.number) {
    out.value(*info.number);
  } else {
    out.null();
  }
  out.field("this_update", tls::format_time(info.this_update));
  out.field("next_update", tls::format_time(info.next_update));
  out.field("days_left", one.remaining.days).field("status", one.remaining.status).begin_array("revoked");
  for (const tls::RevokedCertificate& entry : info.revoked) {
    out.begin_object().field("serial", entry.serial).field("at", tls::format_time(entry.at)).end();
  }
  out.end().end();
}

void print_as_json(const Shown& shown) {
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("certificates");
  for (const ShownCertificate& one : shown.certificates) put_certificate(out, one);
  out.end().begin_array("revocation_lists");
  for (const ShownList& one : shown.lists) put_list(out, one);
  out.finish();
  print_line(text);
}

template <typename Each>
bool all_ok(const std::vector<Each>& all) {
  return std::all_of(all.begin(), all.end(), [](const Each& one) { return one.remaining.status == "ok"; });
}

}  // namespace

int show_certificates(const std::vector<std::string>& paths, Format format) {
  Shown shown;
  int code = kOk;
  const int64_t at = now();
  for (const std::string& path : paths) {
    const std::string fault = look_at(path, at, shown);
    if (!fault.empty()) code = fail(fault);
  }
  mark_revoked(shown);
  if (format == Format::kJson) {
    print_as_json(shown);
  } else {
    print_as_table(shown);
  }
  if (code != kOk) return code;
  return all_ok(shown.certificates) && all_ok(shown.lists) ? kOk : kDegraded;
}

}  // namespace patronus::ctl
