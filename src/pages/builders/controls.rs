//! Controls and displays for values.
//!
//! What `model` takes is a state key, such as `Pump::SPEED` of a model, whose type and check also
//! hold for what a user enters.

use super::{Tone, builders, property};
use crate::pages::{Element, Handler, Node, el};

builders! {
    /// A number with its unit. It takes scientific notation and a decimal comma, and arrow keys
    /// step.
    Number = number() "selvedge-number" {
        /// The state key with the number.
        model => "v-model" model;
        /// The lowest value.
        min => "min" number;
        /// The highest value.
        max => "max" number;
        /// What an arrow key changes; 1 by default.
        step => "step" number;
        /// The unit of the value.
        unit => "unit" text;
        /// Significant digits that are shown; by default as many as the number has.
        digits => "digits" count;
        /// It is shown with an exponent.
        scientific => "scientific" flag;
        /// Only whole numbers are taken.
        integer => "integer" flag;
        /// An empty field means nil; otherwise the value stays.
        optional => "optional" flag;
    }

    /// A number that is set by moving a handle.
    Slider = slider() "selvedge-slider" {
        /// The state key with the number.
        model => "v-model" model;
        /// The lowest value; 0 by default.
        min => "min" number;
        /// The highest value; 100 by default.
        max => "max" number;
        /// The distance between values; 1 by default. With `logarithmic`, the number of steps.
        step => "step" number;
        /// The unit of the value.
        unit => "unit" text;
        /// A JavaScript expression of the values that are written below.
        ticks => "ticks" expression;
        /// Equal distances are equal ratios; `min` has to be more than 0.
        logarithmic => "logarithmic" flag;
    }

    /// A lowest and a highest value.
    Range = range() "selvedge-range" {
        /// The state key with both numbers.
        model => "v-model" model;
        /// The lowest value; 0 by default.
        min => "min" number;
        /// The highest value; 100 by default.
        max => "max" number;
        /// The distance between values; 1 by default.
        step => "step" number;
        /// The unit of the values.
        unit => "unit" text;
    }

    /// A number that is set by turning.
    Knob = knob(label => "label") "selvedge-knob" {
        /// The state key with the number.
        model => "v-model" model;
        /// The lowest value; 0 by default.
        min => "min" number;
        /// The highest value; 100 by default.
        max => "max" number;
        /// The distance between values; 1 by default.
        step => "step" number;
        /// The unit of the value.
        unit => "unit" text;
    }

    /// Something that is on or off. Its content is its label.
    Switch = switch() "selvedge-switch" {
        /// The state key with `true` or `false`.
        model => "v-model" model;
    }

    /// One of a few, which are all seen.
    Choice = choice() "selvedge-choice" {
        /// The state key with the chosen value.
        model => "v-model" model;
        /// A JavaScript expression of the options: values, or objects with `value`, `title` and
        /// `disabled`.
        options => "options" expression;
        /// What screen readers call the group.
        label => "label" text;
    }

    /// One of many, found by typing.
    Select = select() "selvedge-select" {
        /// The state key with the chosen value.
        model => "v-model" model;
        /// A JavaScript expression of the options: values, or objects with `value`, `title` and
        /// `disabled`.
        options => "options" expression;
        /// What is shown while nothing is chosen.
        placeholder => "placeholder" text;
    }

    /// A color, as `#rrggbb`.
    Color = color() "selvedge-color" {
        /// The state key with the color.
        model => "v-model" model;
    }

    /// A map of colors, by its name.
    Colormap = colormap() "selvedge-colormap" {
        /// The state key with the name.
        model => "v-model" model;
        /// A JavaScript expression of the names to choose from.
        options => "options" expression;
    }

    /// A moment, as date and time in a zone.
    Datetime = datetime() "selvedge-datetime" {
        /// The state key with the moment: a [`Timestamp`](crate::values::Timestamp), or a text as
        /// in RFC 3339.
        model => "v-model" model;
        /// The zone, such as `Europe/Berlin`; by default that of the user.
        zone => "zone" text;
        /// A user can choose the zone in which it is shown.
        zones => "zones" flag;
        /// The smallest step in seconds; 60 by default.
        step => "step" number;
    }

    /// Numbers in a row.
    Vector = vector() "selvedge-vector" {
        /// The state key with the list of numbers.
        model => "v-model" model;
        /// A JavaScript expression of the names of the numbers.
        labels => "labels" expression;
        /// The unit of the numbers.
        unit => "unit" text;
        /// What an arrow key changes; 1 by default.
        step => "step" number;
    }

    /// Numbers in rows and columns. A table that is pasted fills them.
    Matrix = matrix(label => "label") "selvedge-matrix" {
        /// The state key with the list of rows.
        model => "v-model" model;
        /// A JavaScript expression of the names of the rows.
        rows => "rows" expression;
        /// A JavaScript expression of the names of the columns.
        columns => "columns" expression;
        /// Significant digits that are shown.
        digits => "digits" count;
    }

    /// A value within its range.
    Gauge = gauge(label => "label") "selvedge-gauge" {
        /// A JavaScript expression of the value.
        value => "value" expression;
        /// The lowest value; 0 by default.
        min => "min" number;
        /// The highest value; 100 by default.
        max => "max" number;
        /// The unit of the value.
        unit => "unit" text;
        /// Significant digits that are shown; 3 by default.
        digits => "digits" count;
        /// A JavaScript expression of parts of the range: objects with `from`, `to` and `tone`.
        bands => "bands" expression;
    }

    /// The last values as a small line.
    Sparkline = sparkline(label => "label") "selvedge-sparkline" {
        /// A JavaScript expression of the values: numbers, or points `[x, y]`.
        values => "values" expression;
    }

    /// Points with axes, which a user can zoom and move.
    Plot = plot() "selvedge-plot" {
        /// A JavaScript expression of the points of one line.
        points => "points" expression;
        /// A JavaScript expression of several series: objects with `label`, `points`, `kind` and
        /// `color`.
        series => "series" expression;
        /// The key of a plot whose points stay in Rust, see [`Server::plot`](crate::Server::plot).
        source => "source" text;
        /// The name of the x axis, with its unit.
        x_label => "x-label" text;
        /// The name of the y axis, with its unit.
        y_label => "y-label" text;
        /// The x are seconds since 1970.
        time => "time" flag;
        /// The x axis is logarithmic.
        x_log => "x-log" flag;
        /// The y axis is logarithmic.
        y_log => "y-log" flag;
    }

    /// A field of numbers in colors.
    Heatmap = heatmap(label => "label") "selvedge-heatmap" {
        /// A JavaScript expression of the field: rows of numbers, or `width`, `height` and `data`,
        /// the bytes of 32-bit numbers in rows.
        field => "field" expression;
        /// The name of the color map; `viridis` by default.
        colormap => "colormap" text;
        /// The unit of the numbers.
        unit => "unit" text;
        /// Cells are smoothed when they are enlarged.
        smooth => "smooth" flag;
    }

    /// Rows that stay in Rust, of which a page gets those that it shows, see
    /// [`Server::table`](crate::Server::table).
    Table = table(source => "source") "selvedge-table" {
        /// What screen readers call it.
        label => "label" text;
    }

    /// A state as a light with its name.
    Led = led() "selvedge-led" {
        /// A JavaScript expression of whether it is on.
        lit => "on" expression;
        /// What it means to be on; by default the accent color.
        tone => "tone" Tone;
    }

    /// A file of a folder that [`Server::share_folder`](crate::Server::share_folder) shares.
    File = file(from => "from") "selvedge-file" {
        /// The state key with the path below the folder, such as `"runs/17.csv"`.
        model => "v-model" model;
        /// The endings of files that can be chosen, as in `".csv,.txt"`; by default all.
        accept => "accept" text;
        /// A folder is chosen.
        folder => "folder" flag;
    }

    /// A text with line numbers, undo and the colors of its language. It is sent when the user
    /// pauses or leaves it.
    Code = code(language => "language") "selvedge-code" {
        /// The state key with the text.
        model => "v-model" model;
        /// A JavaScript expression of what is wrong in the text: a list of objects with `line`,
        /// `message` and, if known, `column` and `level` (`error`, `warning`, `info`).
        problems => "problems" expression;
        /// The height in lines; by default that of the text.
        rows => "rows" count;
        /// It cannot be changed.
        readonly => "readonly" flag;
    }

    /// Lines of text with a filter. It follows the end until a user scrolls up.
    Log = log() "selvedge-log" {
        /// A JavaScript expression of the lines.
        lines => "lines" expression;
        /// What screen readers call it.
        label => "label" text;
    }
}
