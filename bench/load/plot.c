#include "plot.h"

#include <math.h>
#include <string.h>

#define BOX 1000.0 /* the SVG's own units, either way */

void load_html_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            /* Control characters are not allowed in HTML, whatever stands for them. */
            putc((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text, out);
        }
    }
}

/* ---- Axes ------------------------------------------------------------------------------------ */

struct axis {
    double low, high;
    bool logarithmic;
    double ticks[LOAD_PLOT_TICKS_MAX];
    unsigned tick_count;
};

/* The next of 1, 2, 5, 10, 20 ... that is not below. */
static double nice(double value)
{
    double decade = pow(10, floor(log10(value)));
    double part = value / decade;

    if (part <= 1)
        return decade;
    return part <= 2 ? 2 * decade : part <= 5 ? 5 * decade : 10 * decade;
}

static void axis_linear(struct axis *axis, double most)
{
    double step = nice(most > 0 ? most / 4 : 1);

    axis->low = 0;
    axis->high = step * ceil(most / step - 1e-9);
    if (axis->high <= 0)
        axis->high = step;
    for (double at = 0; at <= axis->high * 1.0001 && axis->tick_count < LOAD_PLOT_TICKS_MAX;
         at += step)
        axis->ticks[axis->tick_count++] = at;
}

/* From a 1, 2 or 5 below the least to one above the most; decades are named, and what is between
 * them where there are few. */
static void axis_logarithmic(struct axis *axis, double least, double most)
{
    static const double parts[] = {1, 2, 5};
    double decades;

    axis->low = nice(least) > least ? nice(least) / 2.5 : least;
    axis->low = nice(axis->low * 0.999);
    if (axis->low > least)
        axis->low /= 2.5;
    axis->high = nice(most);
    if (axis->high <= axis->low)
        axis->high = 10 * axis->low;
    decades = log10(axis->high / axis->low);
    for (double decade = pow(10, floor(log10(axis->low))); decade <= axis->high * 1.0001;
         decade *= 10) {
        for (unsigned i = 0; i < 3; i++) {
            double at = decade * parts[i];

            if ((i > 0 && decades > 2.5) || at < axis->low * 0.9999 || at > axis->high * 1.0001 ||
                axis->tick_count == LOAD_PLOT_TICKS_MAX)
                continue;
            axis->ticks[axis->tick_count++] = at;
        }
    }
}

static void axis_make(struct axis *axis, const struct load_plot *plot)
{
    double least = INFINITY, most = 0;

    *axis = (struct axis){.logarithmic = plot->logarithmic};
    for (unsigned line = 0; line < plot->line_count; line++) {
        for (uint32_t i = 0; i < plot->count; i++) {
            double value = plot->lines[line].values[i];

            if (isnan(value))
                continue;
            most = fmax(most, value);
            /* A logarithm has no 0: what is below 1 us stands at 1 us. */
            least = fmin(least, fmax(value, 1));
        }
    }
    if (plot->logarithmic)
        axis_logarithmic(axis, isinf(least) ? 1 : least, fmax(most, 1));
    else
        axis_linear(axis, most);
}

/* 0 at the bottom, 1 at the top. */
static double height(const struct axis *axis, double value)
{
    double part = axis->logarithmic ? log(fmax(value, 1) / axis->low) / log(axis->high / axis->low)
                                    : (value - axis->low) / (axis->high - axis->low);

    return part < 0 ? 0 : part > 1 ? 1 : part;
}

/* "500 us", "20k": an axis has little room. */
static struct load_text tick_text(enum load_figure_unit unit, double value)
{
    struct load_text out;

    if (unit == LOAD_FIGURE_US)
        snprintf(out.text, sizeof out.text, "%g %s",
                 value >= 1e6   ? value / 1e6
                 : value >= 1e3 ? value / 1e3
                                : value,
                 value >= 1e6   ? "s"
                 : value >= 1e3 ? "ms"
                                : "us");
    else if (unit == LOAD_FIGURE_SHARE)
        snprintf(out.text, sizeof out.text, "%g %%", 100 * value);
    else
        snprintf(out.text, sizeof out.text, "%g%s",
                 value >= 1e6   ? value / 1e6
                 : value >= 1e3 ? value / 1e3
                                : value,
                 value >= 1e6   ? "M"
                 : value >= 1e3 ? "k"
                                : "");
    return out;
}

void load_plot_time(struct load_plot *plot)
{
    static const unsigned steps[] = {1,   2,   5,    10,   15,   30,    60,    120,  300,
                                     600, 900, 1800, 3600, 7200, 14400, 28800, 86400};
    double total_s = (double)(plot->count > 1 ? plot->count - 1 : 1) * plot->step_s;
    unsigned step = steps[0];

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && total_s / step > 8; i++)
        step = steps[i];
    plot->tick_count = 0;
    for (unsigned s = 0; s <= total_s && plot->tick_count < LOAD_PLOT_TICKS_MAX; s += step) {
        struct load_plot_tick *tick = &plot->ticks[plot->tick_count++];

        tick->at = plot->count > 1 ? s / total_s : 0.5;
        if (s < 60)
            snprintf(tick->text, sizeof tick->text, "%u s", s);
        else if (s < 3600)
            snprintf(tick->text, sizeof tick->text, "%u:%02u", s / 60, s % 60);
        else
            snprintf(tick->text, sizeof tick->text, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    }
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int x_of(const struct load_plot *plot, uint32_t i)
{
    double at = plot->at != NULL ? plot->at[i] : plot->count > 1 ? i / (plot->count - 1.0) : 0.5;

    return (int)lround(BOX * at);
}

static int y_of(const struct axis *axis, double value)
{
    return (int)lround(BOX * (1 - height(axis, value)));
}

/* A gap where there is nothing; a value alone is a dot. */
static void put_line(FILE *out, const struct load_plot *plot, const struct load_plot_line *line,
                     const struct axis *axis)
{
    bool drawing = false;

    fprintf(out, "<path class=\"%s%s\" style=\"--c:var(--%s)\" d=\"", line->dashed ? "dash " : "",
            line->thin ? "thin" : "", line->colour);
    for (uint32_t i = 0; i < plot->count; i++) {
        bool alone = i + 1 == plot->count || isnan(line->values[i + 1]);

        if (isnan(line->values[i])) {
            drawing = false;
            continue;
        }
        fprintf(out, "%c%d %d", drawing ? 'L' : 'M', x_of(plot, i), y_of(axis, line->values[i]));
        if (!drawing && alone)
            fputs("h1", out);
        drawing = true;
    }
    fputs("\"/>\n", out);
}

static void put_area(FILE *out, const struct load_plot *plot, const struct load_plot_line *line,
                     const struct axis *axis)
{
    fprintf(out, "<path class=\"area\" style=\"--c:var(--%s)\" d=\"M0 1000", line->colour);
    for (uint32_t i = 0; i < plot->count; i++)
        fprintf(out, "L%d %d", x_of(plot, i),
                isnan(line->values[i]) ? (int)BOX : y_of(axis, line->values[i]));
    fputs("L1000 1000z\"/>\n", out);
}

static void put_svg(FILE *out, const struct load_plot *plot, const struct axis *axis)
{
    fputs("<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n"
          "<path class=\"grid\" d=\"",
          out);
    for (unsigned i = 0; i < axis->tick_count; i++)
        fprintf(out, "M0 %dH1000", y_of(axis, axis->ticks[i]));
    fputs("\"/>\n", out);
    for (unsigned i = 0; i < plot->line_count; i++) {
        if (plot->lines[i].area)
            put_area(out, plot, &plot->lines[i], axis);
    }
    for (unsigned i = 0; i < plot->line_count; i++)
        put_line(out, plot, &plot->lines[i], axis);
    fputs("<path class=\"axis\" d=\"M0 1000H1000\"/>\n</svg>\n", out);
}

/* ---- What is around them --------------------------------------------------------------------- */

static void put_axes(FILE *out, const struct load_plot *plot, const struct axis *axis)
{
    for (unsigned i = 0; i < axis->tick_count; i++)
        fprintf(out, "<b class=\"y\" style=\"bottom:%.2f%%\">%s</b>\n",
                100 * height(axis, axis->ticks[i]), tick_text(plot->unit, axis->ticks[i]).text);
    for (unsigned i = 0; i < plot->tick_count; i++) {
        const struct load_plot_tick *tick = &plot->ticks[i];

        /* Centred below its place; so near to an end, half of it would leave the page. */
        fprintf(out, "<b class=\"x%s%s%s\" style=\"left:%.2f%%\">%s</b>\n",
                i % 2 == 1 ? " odd" : "", tick->at < 0.01 ? " first" : "",
                tick->at > 0.96  ? " last"
                : tick->at > 0.9 ? " late"
                                 : "",
                100 * tick->at, tick->text);
    }
    if (plot->x_name != NULL)
        fprintf(out, "<b class=\"name\">%s</b>\n", plot->x_name);
}

static void put_values(FILE *out, const double *values, uint32_t count, double scale)
{
    for (uint32_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            fprintf(out, "%snull", i > 0 ? "," : "");
        else
            fprintf(out, "%s%.6g", i > 0 ? "," : "", scale * values[i]);
    }
}

/* For page.js. Names are ours, so nothing in them ends a script. */
static void put_data(FILE *out, const struct load_plot *plot)
{
    fprintf(out, "<script type=\"application/json\">{\"unit\":\"%s\",\"step\":%u,",
            plot->unit == LOAD_FIGURE_US      ? "us"
            : plot->unit == LOAD_FIGURE_SHARE ? "share"
                                              : "rate",
            plot->step_s);
    if (plot->at != NULL) {
        fputs("\"p\":[", out);
        put_values(out, plot->at, plot->count, BOX);
        fputs("],", out);
    }
    if (plot->names != NULL) {
        fputs("\"x\":[", out);
        for (uint32_t i = 0; i < plot->count; i++)
            fprintf(out, "%s\"%s\"", i > 0 ? "," : "", plot->names[i]);
        fputs("],", out);
    }
    fputs("\"lines\":[", out);
    for (unsigned i = 0; i < plot->line_count; i++) {
        fprintf(out, "%s{\"n\":\"%s\",\"c\":\"%s\",\"v\":[", i > 0 ? "," : "", plot->lines[i].name,
                plot->lines[i].colour);
        put_values(out, plot->lines[i].values, plot->count, 1);
        fputs("]}", out);
    }
    fputs("]}</script>\n", out);
}

void load_plot_put(FILE *out, const struct load_plot *plot)
{
    struct axis axis;

    axis_make(&axis, plot);
    fputs("<figure>\n<ul class=\"legend\">", out);
    for (unsigned i = 0; i < plot->line_count; i++)
        fprintf(out, "<li><i%s style=\"--c:var(--%s)\"></i>%s</li>",
                plot->lines[i].dashed ? " class=\"dash\"" : "", plot->lines[i].colour,
                plot->lines[i].name);
    fprintf(out, "</ul>\n<div class=\"plot\" tabindex=\"0\" role=\"img\" aria-label=\"%s\">\n",
            plot->label);
    if (plot->warm > 0)
        fprintf(out, "<div class=\"warm\" style=\"width:%.2f%%\">warmup</div>\n", 100 * plot->warm);
    put_svg(out, plot, &axis);
    put_axes(out, plot, &axis);
    put_data(out, plot);
    fputs("</div>\n</figure>\n", out);
}
