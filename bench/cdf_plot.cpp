#include "cdf_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace patronus::bench {
namespace {

constexpr double kWidth = 900;
constexpr double kPanelHeight = 330;
constexpr double kLeft = 60;
constexpr double kRight = 210;  // for the names
constexpr double kTop = 46;
constexpr double kBottom = 44;
constexpr double kTitle = 40;
constexpr std::array<const char*, 8> kColours{"#1f5fa8", "#c2571a", "#2f8f6b", "#7a4fb0",
                                              "#b3262e", "#8a6d1d", "#3f8fa3", "#555b66"};

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string text_at(double x, double y, const char* anchor, const std::string& style,
                    const std::string& text) {
  return "<text x='" + number(x) + "' y='" + number(y) + "' text-anchor='" + anchor + "' " + style + ">" +
         text + "</text>\n";
}

std::string rule(double x0, double y0, double x1, double y1) {
  return "<line x1='" + number(x0) + "' y1='" + number(y0) + "' x2='" + number(x1) + "' y2='" + number(y1) +
         "' stroke='#dddad3'/>\n";
}

class Panel {
 public:
  Panel(const CdfPanel& panel, double top) : panel_(panel), top_(top) {}

  std::string draw() const {
    std::string out = text_at(kLeft, top_ + 26, "start", "font-weight='600'", panel_.title);
    for (int percent = 0; percent <= 100; percent += 20) {
      out += rule(kLeft, y(percent / 100.0), kWidth - kRight, y(percent / 100.0));
      out += text_at(kLeft - 8, y(percent / 100.0) + 4, "end", "fill='#777'", std::to_string(percent) + "%");
    }
    for (double decade = panel_.from_ms; decade <= panel_.to_ms; decade *= 10) {
      for (const int step : {1, 2, 5}) {
        const double ms = decade * step;
        if (ms > panel_.to_ms) break;
        out += rule(x(ms), y(0), x(ms), y(1));
        out += text_at(x(ms), y(0) + 18, "middle", "fill='#777'", label(ms));
      }
    }
    for (size_t i = 0; i < panel_.lines.size(); ++i) out += line(panel_.lines[i], i);
    return out;
  }

 private:
  double x(double ms) const {
    const double part = std::log(ms / panel_.from_ms) / std::log(panel_.to_ms / panel_.from_ms);
    return kLeft + std::clamp(part, 0.0, 1.0) * (kWidth - kRight - kLeft);
  }
  double y(double share) const {
    return top_ + kPanelHeight - kBottom - share * (kPanelHeight - kTop - kBottom);
  }
  static std::string label(double ms) {
    return ms < 1000 ? std::to_string(static_cast<int>(ms)) + " ms"
                     : std::to_string(static_cast<int>(ms / 1000)) + " s";
  }

  std::string line(const CdfLine& line, size_t place) const {
    const std::string colour = kColours[place % kColours.size()];
    std::string points;
    for (size_t i = 0; i < line.ms.size(); ++i) {
      const double before = static_cast<double>(i) / static_cast<double>(line.trials);
      const double after = static_cast<double>(i + 1) / static_cast<double>(line.trials);
      points += number(x(line.ms[i])) + "," + number(y(before)) + " ";
      points += number(x(line.ms[i])) + "," + number(y(after)) + " ";
    }
    const double at = top_ + kTop + 10 + 20 * static_cast<double>(place);
    return "<polyline fill='none' stroke-width='1.6' stroke='" + colour + "' points='" + points + "'/>\n" +
           "<line stroke-width='3' stroke='" + colour + "' x1='" + number(kWidth - kRight + 14) + "' x2='" +
           number(kWidth - kRight + 34) + "' y1='" + number(at) + "' y2='" + number(at) + "'/>\n" +
           text_at(kWidth - kRight + 42, at + 4, "start", "", line.name);
  }

  const CdfPanel& panel_;
  double top_;
};

}  // namespace

std::string cdf_plot(const std::string& title, const std::vector<CdfPanel>& panels) {
  const double height = kTitle + kPanelHeight * static_cast<double>(panels.size()) + 20;
  std::string out = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " + number(kWidth) + " " +
                    number(height) +
                    "' font-family='system-ui, sans-serif' font-size='12' fill='#22252b'>\n" +
                    "<rect width='100%' height='100%' fill='#fbfaf8'/>\n" +
                    text_at(kLeft, 28, "start", "font-size='16' font-weight='600'", title);
  for (size_t i = 0; i < panels.size(); ++i)
    out += Panel(panels[i], kTitle + kPanelHeight * static_cast<double>(i)).draw();
  return out + "</svg>\n";
}

}  // namespace patronus::bench
