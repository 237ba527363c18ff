use tilewright::attention::DataType;
use tilewright::dsl::Value;
use tilewright::tile::PanelLayout;

/// Calls `body` with the first column and row of each panel of a tile, and its place in bytes. The
/// tile's are `first`.
pub(super) fn for_panels<'k>(
    dtype: DataType,
    layout: PanelLayout,
    [column, row]: [Value<'k, u32>; 2],
    mut body: impl FnMut([Value<'k, i32>; 2], i64),
) {
    for panel in 0..layout.panels() {
        let column = column + panel * layout.width() / dtype.bytes();
        let place = panel * layout.panel().bytes();
        body([column.as_signed(), row.as_signed()], place.into());
    }
}
