//! How long customers that share servers wait for each other.

/// The mean time between two completions in a closed network: `customers` go round forever, each
/// round visiting every server once, first come first served, for the times in `demands`, and
/// spending `delay` where nobody waits for anybody.
///
/// Exact for exponential service times; real ones vary less, so it errs to the slow side. This is
/// mean value analysis (Reiser and Lavenberg, *Mean-Value Analysis of Closed Multichain Queuing
/// Networks*, JACM 27, 1980): a customer that arrives finds the queue that is there, on average,
/// with one customer fewer.
pub(super) fn interval(demands: &[f64], delay: f64, customers: u32) -> f64 {
    let mut queues = vec![0.0; demands.len()];
    let mut interval = 0.0;
    for present in 1..=customers {
        let residences: Vec<f64> =
            demands.iter().zip(&queues).map(|(demand, queue)| demand * (1.0 + queue)).collect();
        interval = (residences.iter().sum::<f64>() + delay) / f64::from(present);
        queues = residences.iter().map(|residence| residence / interval).collect();
    }
    interval
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(demands: &[f64], delay: f64, customers: u32, expected: f64) {
        let found = interval(demands, delay, customers);
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn one_customer_waits_for_nobody() {
        check(&[3.0, 5.0], 2.0, 1, 10.0);
    }

    #[test]
    fn balanced_servers_have_a_closed_form() {
        // n customers at k servers of demand d: d·(n + k − 1)/n.
        check(&[4.0, 4.0, 4.0], 0.0, 6, 4.0 * 8.0 / 6.0);
    }

    #[test]
    fn many_customers_keep_the_slowest_server_busy() {
        let found = interval(&[7.0, 3.0], 20.0, 200);
        assert!((7.0..7.0 + 1e-6).contains(&found), "{found}");
    }
}
